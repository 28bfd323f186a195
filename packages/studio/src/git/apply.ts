import { HoldfastError } from "@holdfast/core";
import type { Git } from "./git.ts";
import { transferPack } from "./pack.ts";

/** Everything that determines the commit id. The task persists it, so that a retry creates the same commit. */
export interface ApplyPlan {
  readonly tree: string;
  readonly base: string;
  /** The requested branch, for example "holdfast/fix-the-test". */
  readonly branch: string;
  readonly message: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

const author = { name: "Holdfast", email: "holdfast@localhost.invalid" };
/** Old value for `update-ref`: the reference must not exist. Works for every hash length, unlike zeros. */
const mustNotExist = "";
const maxBranches = 1_000;

/**
 * Commits `plan.tree` on top of the base in the host's clone, and publishes the commit as a new branch of the user's
 * repository. Their working tree, index, HEAD and branches stay unchanged.
 *
 * Idempotent and crash-safe: objects without a branch are harmless, creating the branch is atomic and fails if it
 * exists, and a branch that already points to this commit is the result. If the name is taken by another commit, "-2",
 * "-3", ... is appended.
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
  await transferPack(git, { from: hostGit, to: repository, want: commit, have: plan.base });
  return { branch: await publishCommit(git, repository, plan.branch, commit), commit };
}

/** Creates a branch at a commit that the repository has. Throws `apply.too_many_branches`, `git.*`. */
export async function publishCommit(
  git: Git,
  repository: string,
  name: string,
  commit: string,
): Promise<string> {
  for (let n = 1; n <= maxBranches; n++) {
    const branch = candidateName(name, n);
    if (await createBranch(git, repository, branch, commit)) return branch;
    if ((await readBranch(git, repository, branch)) === commit) return branch;
  }
  throw new HoldfastError(
    "apply",
    "too_many_branches",
    `The branch names from ${name} to ${candidateName(name, maxBranches)} are all taken. Choose another name.`,
    {
      statusCode: 409,
    },
  );
}

/** Commits the plan's tree in the host's clone; the same plan gives the same commit. */
export async function commitTree(git: Git, hostGit: string, plan: ApplyPlan): Promise<string> {
  const baseTree = await git.text(["--git-dir", hostGit, "rev-parse", `${plan.base}^{tree}`]);
  if (baseTree === plan.tree) {
    throw new HoldfastError(
      "apply",
      "nothing_to_apply",
      "There is nothing to apply: the agent has not changed any file yet",
      {
        statusCode: 409,
      },
    );
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

function candidateName(branch: string, n: number): string {
  return n === 1 ? branch : `${branch}-${n}`;
}

/** The candidate branch that already points to `commit`, if an earlier attempt got that far. */
export async function findBranch(
  git: Git,
  repository: string,
  branch: string,
  commit: string,
): Promise<string | undefined> {
  for (let n = 1; n <= maxBranches; n++) {
    const name = candidateName(branch, n);
    const current = await readBranch(git, repository, name);
    if (current === undefined) return undefined;
    if (current === commit) return name;
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

/** Returns false if the name is taken; throws if the branch cannot be created for another reason. */
async function createBranch(git: Git, repository: string, branch: string, commit: string): Promise<boolean> {
  const result = await git.status([
    "-C",
    repository,
    "update-ref",
    "--no-deref",
    `refs/heads/${branch}`,
    commit,
    mustNotExist,
  ]);
  if (result.status === 0) return true;
  if ((await readBranch(git, repository, branch)) !== undefined) return false;
  throw new HoldfastError(
    "git",
    "failed",
    `Could not create the branch ${branch}: ${result.stderr.trim().slice(0, 500)}`,
  );
}

/**
 * Derives a branch name from a title: "holdfast/" and at most 40 letters, digits and dashes. If a branch named
 * "holdfast" exists, git cannot create "holdfast/…", so a dash separates the parts.
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

/** Throws `apply.invalid_branch` unless git accepts `branch` as a branch name. */
export async function requireBranchName(git: Git, branch: string): Promise<void> {
  const result = await git.status(["check-ref-format", `refs/heads/${branch}`]);
  if (result.status === 0 && !branch.startsWith("-") && branch.length <= 200) return;
  throw new HoldfastError("apply", "invalid_branch", "Git does not accept this as a branch name", {
    statusCode: 400,
  });
}
