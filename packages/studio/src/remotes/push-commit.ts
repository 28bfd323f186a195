import { isErrorCode } from "@holdfast/core";
import type { GitCredential } from "../forges/forge.ts";
import { pushRefusalOf } from "../forges/push-refusal.ts";
import type { Git } from "../git/git.ts";
import { runWithRemote } from "./remote-git.ts";

export interface Push {
  readonly commit: string;
  /** Branch at the forge. A branch with commits that are not known here refuses. */
  readonly branch: string;
  /** The commit that the branch has and that is replaced: of a task that was moved to another base. */
  readonly replaces?: string | undefined;
  readonly credential: GitCredential;
  readonly timeoutMs: number;
}

/** Keeps the commit that was pushed: the next one is made on top of it. */
const pushedRef = "refs/holdfast/pushed";

/**
 * Pushes a commit of the host's clone to a branch of the forge. Repeating it changes nothing. Throws `forge.refused`,
 * `forge.unauthorized`, `forge.forbidden`, `forge.not_found`, `forge.unavailable`.
 */
export async function pushCommit(
  git: Git,
  hostGit: string,
  { commit, branch, replaces, credential, timeoutMs }: Push,
): Promise<void> {
  const { cloneUrl: url, username, password } = credential;
  await git.run(["--git-dir", hostGit, "update-ref", pushedRef, commit]);
  const args = [
    ...["--git-dir", hostGit],
    // Finds what the forge has: its branches may have moved on from the task's base.
    ...["-c", "push.negotiate=true"],
    ...["push", "--quiet", "--no-verify"],
    ...(replaces === undefined ? [] : [`--force-with-lease=refs/heads/${branch}:${replaces}`]),
    ...["--", url, `${commit}:refs/heads/${branch}`],
  ];
  try {
    const { status, stderr } = await runWithRemote(git, { url, username, password }, args, { timeoutMs });
    if (status !== 0) throw pushRefusalOf(stderr, branch, password);
  } catch (error) {
    if (!isErrorCode(error, "git", "timed_out")) throw error;
    throw pushRefusalOf(`it took longer than ${timeoutMs / 1_000} s`, branch, password);
  }
}
