import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { request } from "@holdfast/web-parts/request";
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type {
  ApiToken,
  Invitation,
  Member,
  PasskeyView,
  SessionView,
  TokenScope,
} from "../../contract/people.ts";
import { currentOrganization } from "../shared/organizations/current.ts";

const organization = () => `/people/organizations/${currentOrganization()}`;

export type Role = Member["role"];

export const roleNames: Readonly<Record<Role, string>> = {
  viewer: "Viewer",
  member: "Member",
  admin: "Admin",
  owner: "Owner",
};

/** From the least to the greatest. */
export const roleOrder: readonly Role[] = ["viewer", "member", "admin", "owner"];

export const roleHints: Readonly<Record<Role, string>> = {
  viewer: "Reads tasks, changes and files.",
  member: "Also starts tasks, prompts, answers approvals and applies changes.",
  admin: "Also invites, changes and removes people.",
  owner: "Also manages owners and hands the organization over.",
};

export const invitationsQuery = queryOptions({
  queryKey: ["people", "invitations"],
  queryFn: async () => {
    const path = `${organization()}/invitations`;
    return (await request<{ readonly invitations: readonly Invitation[] }>("GET", path)).invitations;
  },
});

export const sessionsQuery = queryOptions({
  queryKey: ["account", "sessions"],
  queryFn: async () =>
    (await request<{ readonly sessions: readonly SessionView[] }>("GET", "/people/sessions")).sessions,
});

export const passkeysQuery = queryOptions({
  queryKey: ["account", "passkeys"],
  queryFn: async () =>
    (await request<{ readonly passkeys: readonly PasskeyView[] }>("GET", "/people/passkeys")).passkeys,
});

export const connectedQuery = queryOptions({
  queryKey: ["account", "connected"],
  queryFn: async () =>
    (await request<{ readonly connected: readonly string[] }>("GET", "/people/connected")).connected,
});

export const tokensQuery = queryOptions({
  queryKey: ["account", "tokens"],
  queryFn: async () =>
    (await request<{ readonly tokens: readonly ApiToken[] }>("GET", "/people/tokens")).tokens,
});

/** An invitation with the token of its link, which is shown once. */
export type NewInvitation = Invitation & { readonly token: string; readonly mailed: boolean };

export type NewToken = ApiToken & { readonly token: string };

/** What the screens ask of the server. */
export const peopleApi = {
  invite: (role: Role, email: string) =>
    request<NewInvitation>("POST", `${organization()}/invitations`, {
      role,
      email: email === "" ? null : email,
    }),
  renewInvitation: (id: string) =>
    request<NewInvitation>("POST", `${organization()}/invitations/${id}/renew`),
  withdrawInvitation: (id: string) => request<void>("DELETE", `${organization()}/invitations/${id}`),
  changeRole: (person: string, role: Role) =>
    request<void>("PATCH", `${organization()}/members/${person}`, { role }),
  removeMember: (person: string) => request<void>("DELETE", `${organization()}/members/${person}`),
  /** The link is there if the member did not get it by mail. */
  resetPassword: (person: string) =>
    request<{ readonly mailed: boolean; readonly link?: string }>(
      "POST",
      `${organization()}/members/${person}/reset`,
    ),
  leave: () => request<void>("POST", `${organization()}/leave`),
  transfer: (to: string) => request<void>("POST", `${organization()}/transfer`, { to }),
  rename: (name: string) => request<void>("PATCH", "/people/me", { name }),
  changePassword: (currentPassword: string, newPassword: string) =>
    request<unknown>("POST", "/people/auth/change-password", {
      currentPassword,
      newPassword,
      revokeOtherSessions: true,
    }),
  endSession: (id: string) => request<void>("DELETE", `/people/sessions/${id}`),
  renamePasskey: (id: string, name: string) => request<void>("PATCH", `/people/passkeys/${id}`, { name }),
  disconnectAccount: (id: string) => request<void>("DELETE", `/people/providers/${id}`),
  removePasskey: (id: string) => request<void>("DELETE", `/people/passkeys/${id}`),
  createToken: (name: string, scope: TokenScope, days: number) =>
    request<NewToken>("POST", "/people/tokens", { name, scope, days }),
  deleteToken: (id: string) => request<void>("DELETE", `/people/tokens/${id}`),
  signOut: (isOperator: boolean) =>
    isOperator ? request<void>("POST", "/auth/end") : request<unknown>("POST", "/people/auth/sign-out", {}),
};

/** A change after which what is shown about people and the account is read again. */
export function usePeopleChange<Input, Result>(change: (input: Input) => Promise<Result>) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: async () => {
      await Promise.all([["people"], ["account"], ["profile"]].map((key) => refetchActive(queries, key)));
    },
  });
}

/** The link of an invitation. Its token is in the fragment, which browsers send to nobody. */
export function invitationLink(token: string): string {
  return `${window.location.origin}/join#invitation=${token}`;
}
