/** What a new task is made of before it starts: its draft, and the connected repositories. */
import { type QueryClient, queryOptions } from "@tanstack/react-query";
import type { RepositorySummary } from "../../../backend/repositories/contract.ts";
import type { StudioApi } from "../port.ts";

const key = ["repositories"] as const;

/** The connected repositories. */
export function repositoriesQuery(api: StudioApi) {
  return queryOptions({ queryKey: key, queryFn: () => api.organization.listRepositories() });
}

/** True for a repository of GitHub, GitLab or Gitea, which have pull requests, issues and accounts. */
export function isOfForge({ kind }: Pick<RepositorySummary, "kind">): boolean {
  return kind !== "folder" && kind !== "git";
}

/** Takes a changed repository into the list, if it was read. */
export function mergeRepository(queries: QueryClient, changed: RepositorySummary): void {
  queries.setQueryData<readonly RepositorySummary[]>(key, (known) => {
    if (known === undefined) return undefined;
    const isKnown = known.some(({ id }) => id === changed.id);
    return isKnown ? known.map((each) => (each.id === changed.id ? changed : each)) : [...known, changed];
  });
}

export function dropRepository(queries: QueryClient, id: string): void {
  queries.setQueryData<readonly RepositorySummary[]>(key, (known) => known?.filter((each) => each.id !== id));
}
