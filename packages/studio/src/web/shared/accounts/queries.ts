/** Accounts of people at forges, as pages show them. */

import { refetchActive } from "@holdfast/web-parts/refetch-active";
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import type { AccountActions, AccountProof, ForgeAccount } from "../../../contract.ts";
import { useApi } from "../context.ts";
import type { StudioApi } from "../port.ts";

/** Below the key of people: what changes those is read again with them. */
const key = ["people", "forge-accounts"] as const;

export function forgeAccountsQuery(api: StudioApi) {
  return queryOptions({ queryKey: key, queryFn: () => api.attention.forgeAccounts() });
}

/** A change of accounts, after which they are read again. */
export function useAccountChange<Input, Result>(
  change: (accounts: AccountActions, input: Input) => Promise<Result>,
) {
  const api = useApi();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (input: Input) => change(api.attention, input),
    onSettled: () => refetchActive(queries, key),
  });
}

/** "ada at github.com" */
export function accountName({ login, server }: Pick<ForgeAccount, "login" | "server">): string {
  const { host } = new URL(server);
  return `${login} at ${host === "api.github.com" ? "github.com" : host}`;
}

export const proofWords: Readonly<Record<AccountProof, string>> = {
  "sign-in": "proven by signing in with it",
  comment: "proven by a comment",
  admin: "set by an admin",
};
