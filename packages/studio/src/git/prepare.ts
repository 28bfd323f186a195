import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { RepositoryCheck } from "../contract.ts";
import type { Git, GitRunOptions } from "./git.ts";

/** A task's folders with git data. */
export interface TaskRepository {
  /** The host's own bare clone. No jail can write to it. */
  readonly hostGit: string;
  /** The agent's clone. Untrusted as soon as a jail has started. */
  readonly workspace: string;
  readonly base: { readonly branch: string; readonly commit: string };
}

/** A repository to clone, and the reference to start from: HEAD without one. */
export interface SourceCheck extends RepositoryCheck {
  readonly ref?: string;
}

const baseRef = "refs/holdfast/base";
const partialPrefix = "prepare";

/**
 * Clones the last commit of the user's repository twice into `taskDirectory`: as `host.git` and as `workspace`. The
 * clones share no hard-linked objects, have no remote and no path of the host, and contain only what the checked-out
 * branch reaches. Idempotent: an interrupted run starts over, and a completed one returns the same base without
 * reading the repository. Run one per task at a time: concurrent runs would mix their files. For large repositories,
 * `limits.timeoutMs` applies to each step, and `limits.signal` aborts.
 *
 * Throws `repository.empty` and `git.*`.
 */
export async function prepareRepository(
  git: Git,
  taskDirectory: string,
  checkSource: () => Promise<SourceCheck>,
  limits: Pick<GitRunOptions, "timeoutMs" | "signal"> = {},
): Promise<TaskRepository> {
  const hostGit = join(taskDirectory, "host.git");
  const workspace = join(taskDirectory, "workspace");
  if (!(await exists(workspace))) {
    await removeLeftovers(taskDirectory);
    await rm(hostGit, { recursive: true, force: true });
    // A unique name: an orphaned git process of a killed server may still write to the previous one.
    const partial = await mkdtemp(join(taskDirectory, `${partialPrefix}-`));
    const repository = await checkSource();
    const run = (args: readonly string[]) => git.run(args, limits);
    const objectFormat = await git.text(["-C", repository.path, "rev-parse", "--show-object-format"]);
    await cloneInto(run, partial, repository, objectFormat);
    // The host's clone has it for workspaces that are cloned later.
    for (const clone of ["workspace", "host.git"])
      await copyIdentity(git, repository.path, join(partial, clone));
    await rename(join(partial, "host.git"), hostGit);
    // Move the workspace last: if it exists, everything else does.
    await rename(join(partial, "workspace"), workspace);
    await rm(partial, { recursive: true, force: true });
  }
  const commit = await git.text(["--git-dir", hostGit, "rev-parse", "--verify", `${baseRef}^{commit}`]);
  return { hostGit, workspace, base: { branch: await branchOf(git, hostGit), commit } };
}

export async function removeLeftovers(taskDirectory: string): Promise<void> {
  for (const name of await readdir(taskDirectory)) {
    if (!name.startsWith(partialPrefix)) continue;
    // Removal can fail while an orphan still writes. The leftover is harmless.
    await rm(join(taskDirectory, name), { recursive: true, force: true }).catch(() => {});
  }
}

async function cloneInto(
  run: (args: readonly string[]) => Promise<unknown>,
  directory: string,
  repository: SourceCheck,
  objectFormat: string,
): Promise<void> {
  const bare = join(directory, "host.git");
  const branch = repository.branch === "" ? "main" : repository.branch;
  // Git fetches only between repositories with the same object format.
  const format = [`--object-format=${objectFormat}`];
  await run(["init", "--quiet", "--bare", ...format, "--initial-branch", branch, bare]);
  await run([
    "--git-dir",
    bare,
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--update-shallow",
    repository.path,
    `${repository.ref ?? "HEAD"}:${baseRef}`,
  ]);
  await run(["--git-dir", bare, "update-ref", `refs/heads/${branch}`, baseRef]);
  await checkOutBase(run, { hostGit: bare, workspace: join(directory, "workspace"), branch, objectFormat });
}

/** Creates a workspace with the commit that the host's clone is based on. */
export async function checkOutBase(
  run: (args: readonly string[]) => Promise<unknown>,
  clone: {
    readonly hostGit: string;
    readonly workspace: string;
    readonly branch: string;
    readonly objectFormat: string;
  },
): Promise<void> {
  const { hostGit, workspace, branch, objectFormat } = clone;
  const format = [`--object-format=${objectFormat}`];
  await run(["init", "--quiet", ...format, "--initial-branch", branch, workspace]);
  await run([
    "-C",
    workspace,
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--update-shallow",
    hostGit,
    `${baseRef}:refs/remotes/base`,
  ]);
  await run(["-C", workspace, "update-ref", `refs/heads/${branch}`, "refs/remotes/base"]);
  await run(["-C", workspace, "update-ref", "-d", "refs/remotes/base"]);
  await run(["-C", workspace, "reset", "--quiet", "--hard"]);
}

/** Gives the agent's commits the user's name and email: the repository's setting, or the global one. */
export async function copyIdentity(git: Git, from: string, workspace: string): Promise<void> {
  const personal = { GIT_CONFIG_GLOBAL: join(homedir(), ".gitconfig") };
  const find = async (key: string): Promise<string> => {
    const own = await git.status(["-C", from, "config", "-z", "--local", "--get", key]);
    const found =
      own.status === 0
        ? own
        : await git.status(["config", "-z", "--global", "--get", key], { env: personal });
    return found.status === 0 ? found.stdout.toString("utf8").replace(/\0$/, "") : "";
  };
  const identity = {
    "user.name": (await find("user.name")) || "Holdfast agent",
    "user.email": (await find("user.email")) || "agent@holdfast.invalid",
  };
  for (const [key, value] of Object.entries(identity)) {
    await git.run(["-C", workspace, "config", "--local", key, value]);
  }
}

async function branchOf(git: Git, hostGit: string): Promise<string> {
  const ref = await git.text(["--git-dir", hostGit, "symbolic-ref", "HEAD"]);
  if (!ref.startsWith("refs/heads/"))
    throw new HoldfastError("git", "failed", "The host's clone has no branch");
  return ref.slice("refs/heads/".length);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}
