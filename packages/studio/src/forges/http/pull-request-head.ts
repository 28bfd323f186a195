import { HoldfastError } from "@holdfast/core";
import type { PullRequestHead } from "../forge.ts";

/** Reads the head of a pull request as GitHub and Gitea answer it. `repo` is null when the fork is gone. */
export function headOf(
  fullName: string,
  number: number,
  branch: string,
  repo: { readonly full_name: string; readonly clone_url?: string } | null,
  mayEdit: boolean | undefined,
): PullRequestHead {
  if (repo === null || repo.clone_url === undefined) throw forkIsGone(number);
  const isFork = repo.full_name.toLowerCase() !== fullName.toLowerCase();
  return {
    ...{ repository: repo.full_name, isFork, cloneUrl: repo.clone_url, branch },
    mayEdit: !isFork || mayEdit === true,
  };
}

export function forkIsGone(number: number): HoldfastError {
  const message = `The fork of #${number} was deleted. Publish to a branch of your own.`;
  return new HoldfastError("forge", "not_found", message, { statusCode: 404 });
}
