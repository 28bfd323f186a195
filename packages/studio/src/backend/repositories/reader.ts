import type { ConditionalPage, Forge, ForgeBranch, PageRequest, PullRequest } from "../../forges/forge.ts";
import { taggedPage } from "../../forges/http/item-tag.ts";

/** Port through which the sync reads a repository, page by page. It throws the errors `forge.*` and `repository.*`. */
export interface RepositoryReader {
  branches(request: PageRequest, signal: AbortSignal): Promise<ConditionalPage<ForgeBranch>>;
  /** Missing where there are none: in a folder. */
  pullRequests?(request: PageRequest, signal: AbortSignal): Promise<ConditionalPage<PullRequest>>;
  pullRequest?(number: number, signal: AbortSignal): Promise<PullRequest>;
}

export function forgeReader(forge: Forge, fullName: string): RepositoryReader {
  return {
    branches: (request, signal) => forge.branches(fullName, request, signal),
    pullRequests: (request, signal) => forge.pullRequests(fullName, request, signal),
    pullRequest: (number, signal) => forge.pullRequest(fullName, number, signal),
  };
}

/** Reads all branches at once. */
export function branchReader(
  list: (signal: AbortSignal) => Promise<readonly ForgeBranch[]>,
): RepositoryReader {
  return { branches: async ({ etag }, signal) => taggedPage(await list(signal), undefined, etag) };
}
