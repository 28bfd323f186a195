import { HoldfastError } from "@holdfast/core";
import type { Git } from "./git.ts";
import { baseRef, fetchOptions } from "./prepare.ts";

/** What becomes of a state of the files on another base. */
export interface RebasedTree {
  readonly tree: string;
  /** Paths with both versions and the markers of git between them. Empty if everything fits. */
  readonly conflicts: readonly string[];
}

export interface TreeToRebase {
  readonly hostGit: string;
  /** The commit that the state was made on, and the one that it is moved to. Both are in the host's clone. */
  readonly from: string;
  readonly to: string;
  readonly tree: string;
}

/** Names of the two sides, as the markers of a conflict show them. */
const newBase = "refs/holdfast/new-base";
const thisTask = "refs/holdfast/this-task";
const identity = { NAME: "Holdfast", EMAIL: "holdfast@localhost.invalid", DATE: "@0 +0000" };
const env = Object.fromEntries(
  ["AUTHOR", "COMMITTER"].flatMap((who) =>
    Object.entries(identity).map(([what, value]) => [`GIT_${who}_${what}`, value]),
  ),
);

/**
 * Applies what a state has changed since `from` to `to`: a merge of three trees, in the host's clone and without a working
 * tree. Whether one commit descends from the other does not matter: a base that was squashed is merged as well.
 */
export async function rebaseTree(git: Git, given: TreeToRebase): Promise<RebasedTree> {
  const { hostGit, from, to, tree } = given;
  const run = (...args: readonly string[]) => git.text(["--git-dir", hostGit, ...args], { env });
  const commit = (what: string) => run("commit-tree", what, "-p", from, "-m", "rebase");
  // Two commits with one parent, so that it is their merge base.
  await run("update-ref", newBase, await commit(`${to}^{tree}`));
  await run("update-ref", thisTask, await commit(tree));
  const how = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"];
  const { status, stdout, stderr } = await git.status(["--git-dir", hostGit, ...how, newBase, thisTask]);
  const [merged = "", ...conflicts] = stdout.toString("utf8").split("\0").filter(Boolean);
  if (status > 1 || !/^[0-9a-f]{40,64}$/.test(merged))
    throw new HoldfastError("git", "failed", `git merge-tree failed: ${stderr.trim().slice(0, 1_000)}`);
  return { tree: merged, conflicts: [...new Set(conflicts)] };
}

/** Brings a commit of another repository on this machine into the host's clone. */
export async function fetchCommit(
  git: Git,
  hostGit: string,
  { path, ref }: { readonly path: string; readonly ref: string },
): Promise<void> {
  await git.run(["--git-dir", hostGit, "fetch", ...fetchOptions, path, `+${ref}:refs/holdfast/onto`]);
}

/** Makes a commit of the host's clone the one that the task is based on. */
export async function moveBase(git: Git, hostGit: string, base: BaseCommit): Promise<void> {
  const run = (...args: readonly string[]) => git.run(["--git-dir", hostGit, ...args]);
  await run("update-ref", baseRef, base.commit);
  await run("update-ref", `refs/heads/${base.branch}`, base.commit);
  await run("symbolic-ref", "HEAD", `refs/heads/${base.branch}`);
}

export interface BaseCommit {
  readonly branch: string;
  readonly commit: string;
}
