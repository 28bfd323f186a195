import { HoldfastError } from "@holdfast/core";
import type { Git } from "./git.ts";
import { spawnPack } from "./pack.ts";

/** Everything that decides the commit's name: kept by the task, so that a retry makes the same commit. */
export interface ApplyPlan {
  readonly tree: string;
  readonly base: string;
  /** The wished branch, for instance "holdfast/fix-the-test". */
  readonly branch: string;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const author = { name: "Holdfast", email: "holdfast@localhost.invalid" };
/** For `update-ref`: the reference must not be there. Zeros would have the length of a name of this repository. */
const absent = "";
const maxBranches = 1_000;

/**
 * Makes one commit of `plan.tree` on top of the base, in the host's repository, and puts it on a new
 * branch of the person's repository. Their working tree, index, HEAD and branches are not touched.
 *
 * Idempotent and safe against a crash at any point: objects without a branch are harmless, the branch
 * is created in one step that fails if it exists, and a branch that already holds this commit is the
 * result. Where another commit holds the name, "-2", "-3", ... is taken.
 *
 * Throws `apply.nothing_to_apply`, `apply.too_many_branches`, `git.*`.
 */
export async function applyTree(
  git: Git,
  hostGit: string,
  repository: string,
  plan: ApplyPlan,
): Promise<{ readonly branch: string; readonly commit: string }> {
  const commit = await commitTree(git, hostGit, plan);
  const existing = await findBranch(git, repository, plan.branch, commit);
  if (existing !== undefined) return { branch: existing, commit };
  await spawnPack(git, { from: hostGit, to: repository, want: commit, have: plan.base });
  for (let n = 1; n <= maxBranches; n++) {
    const branch = candidate(plan.branch, n);
    if (await createBranch(git, repository, branch, commit)) return { branch, commit };
    if ((await readBranch(git, repository, branch)) === commit) return { branch, commit };
  }
  throw new HoldfastError("apply", "too_many_branches", `The names after ${plan.branch} are all taken`, {
    statusCode: 409,
  });
}

async function commitTree(git: Git, hostGit: string, plan: ApplyPlan): Promise<string> {
  const baseTree = await git.text(["--git-dir", hostGit, "rev-parse", `${plan.base}^{tree}`]);
  if (baseTree === plan.tree) {
    throw new HoldfastError("apply", "nothing_to_apply", "The agent has changed nothing yet", {
      statusCode: 409,
    });
  }
  const date = `@${Math.floor(plan.at / 1000)} +0000`;
  return await git.text(["--git-dir", hostGit, "commit-tree", plan.tree, "-p", plan.base, "-F", "-"], {
    input: plan.message,
    env: {
      GIT_AUTHOR_NAME: author.name,
      GIT_AUTHOR_EMAIL: author.email,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_NAME: author.name,
      GIT_COMMITTER_EMAIL: author.email,
      GIT_COMMITTER_DATE: date,
    },
  });
}

function candidate(branch: string, n: number): string {
  return n === 1 ? branch : `${branch}-${n}`;
}

/** The branch of this series that already holds `commit`, if an earlier attempt got that far. */
async function findBranch(
  git: Git,
  repository: string,
  branch: string,
  commit: string,
): Promise<string | undefined> {
  for (let n = 1; n <= maxBranches; n++) {
    const name = candidate(branch, n);
    const held = await readBranch(git, repository, name);
    if (held === undefined) return undefined;
    if (held === commit) return name;
  }
  return undefined;
}

async function readBranch(git: Git, repository: string, branch: string): Promise<string | undefined> {
  const result = await git.status([
    "-C",
    repository,
    "rev-parse",
    "--verify",
    "--quiet",
    `refs/heads/${branch}`,
  ]);
  return result.status === 0 ? result.stdout.toString("utf8").trim() : undefined;
}

/** False when the name is taken; throws when it cannot be created for another reason. */
async function createBranch(git: Git, repository: string, branch: string, commit: string): Promise<boolean> {
  const result = await git.status([
    "-C",
    repository,
    "update-ref",
    "--no-deref",
    `refs/heads/${branch}`,
    commit,
    absent,
  ]);
  if (result.status === 0) return true;
  if ((await readBranch(git, repository, branch)) !== undefined) return false;
  throw new HoldfastError(
    "git",
    "failed",
    `The branch ${branch} cannot be created: ${result.stderr.trim().slice(0, 500)}`,
  );
}

/**
 * A branch name from a title: "holdfast/" and at most 40 letters, digits and dashes. Where the
 * repository has a branch called "holdfast", which makes a folder of that name impossible, the
 * separator is a dash.
 */
export async function branchName(git: Git, repository: string, title: string): Promise<string> {
  const slug = title
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
  const separator = (await readBranch(git, repository, "holdfast")) === undefined ? "/" : "-";
  return `holdfast${separator}${slug === "" ? "task" : slug}`;
}

/** Throws `apply.invalid_branch` unless git takes `branch` as the name of a branch. */
export async function requireBranchName(git: Git, branch: string): Promise<void> {
  const result = await git.status(["check-ref-format", `refs/heads/${branch}`]);
  if (result.status === 0 && !branch.startsWith("-") && branch.length <= 200) return;
  throw new HoldfastError("apply", "invalid_branch", "Git does not take this as the name of a branch", {
    statusCode: 400,
  });
}
