import type { PullRequest } from "../forge.ts";

/** True for a pull request of a branch of this repository: a fork may have a branch of the same name. */
export function isFromBranch(
  { headBranch, headRepository }: PullRequest,
  fullName: string,
  branch: string,
): boolean {
  return headBranch === branch && headRepository?.toLowerCase() === fullName.toLowerCase();
}
