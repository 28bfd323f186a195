import { request } from "@holdfast/web-parts/request";
import { queryOptions, useQuery } from "@tanstack/react-query";
import type { Member, Profile, SignInOptions } from "../../contract/people.ts";
import { currentOrganization } from "./organizations/current.ts";

/** How people sign in here. It changes with a restart of the server only. */
export function signInOptionsQuery() {
  return queryOptions({
    queryKey: ["sign-in-options"],
    queryFn: () => request<SignInOptions>("GET", "/auth/options"),
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** Whether the operator sells plans; undefined until it is known. */
export function useSellsPlans(): boolean | undefined {
  const { data } = useQuery(signInOptionsQuery());
  return data === undefined ? undefined : data.billing === true;
}

/** Whoever is signed in, where people have accounts. */
export function profileQuery(enabled: boolean) {
  return queryOptions({
    queryKey: ["profile"],
    queryFn: () => request<Profile>("GET", "/people/me"),
    enabled,
  });
}

/** The profile of whoever is signed in; undefined where the operator is the only person, and until it is known. */
export function useProfile(): Profile | undefined {
  const options = useQuery(signInOptionsQuery());
  return useQuery(profileQuery(options.data?.people === true)).data;
}

/** Members of the organization of this page. */
export const membersQuery = queryOptions({
  queryKey: ["people", "members"],
  queryFn: async () => {
    const path = `/people/organizations/${currentOrganization()}/members`;
    return (await request<{ readonly members: readonly Member[] }>("GET", path)).members;
  },
});

/** Where people may have other accounts. */
export interface SignInProvider {
  readonly id: string;
  readonly name: string;
}

export const providersQuery = queryOptions({
  queryKey: ["sign-in-providers"],
  queryFn: async () =>
    (await request<{ readonly providers: readonly SignInProvider[] }>("GET", "/people/providers")).providers,
  staleTime: Number.POSITIVE_INFINITY,
});

/** Leaves for a provider. `path` begins a sign-in there, or the connection of an account. */
export async function leaveForProvider(path: string, body: unknown): Promise<void> {
  const { url } = await request<{ readonly url: string }>("POST", path, body);
  window.location.assign(url);
}
