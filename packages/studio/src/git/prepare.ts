import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { RepositoryCheck } from "../contract.ts";
import type { Git, GitRunOptions } from "./git.ts";

/** The folders of a task that hold git data. */
export interface TaskRepository {
  /** The host's own bare clone; no jail can write it. */
  readonly hostGit: string;
  /** The clone in which the agent works; hostile from the moment a jail starts. */
  readonly workspace: string;
  readonly base: { readonly branch: string; readonly commit: string };
}

const baseRef = "refs/holdfast/base";
const begun = "prepare";

/**
 * Clones the last commit of a person's repository twice into `taskDirectory`: `host.git` and
 * `workspace`. No object is shared by a hard link, no remote and no path of the host is left behind,
 * and nothing that the checked-out branch does not reach is copied. Idempotent: after a crash in the
 * middle it begins anew; after success it answers with the same base, without a look at the repository.
 * One at a time for a task: two would take each other's half for their own. A repository may be large, so a
 * step of it takes `limits.timeoutMs`; `limits.signal` ends it.
 *
 * Throws `repository.empty` and `git.*`.
 */
export async function prepareRepository(
  git: Git,
  taskDirectory: string,
  look: () => Promise<RepositoryCheck>,
  limits: Pick<GitRunOptions, "timeoutMs" | "signal"> = {},
): Promise<TaskRepository> {
  const hostGit = join(taskDirectory, "host.git");
  const workspace = join(taskDirectory, "workspace");
  if (!(await exists(workspace))) {
    await removeLeftovers(taskDirectory);
    await rm(hostGit, { recursive: true, force: true });
    // With a name of its own: a git that a killed server has left may still write into that of before.
    const partial = await mkdtemp(join(taskDirectory, `${begun}-`));
    const repository = await look();
    const run = (args: readonly string[]) => git.run(args, limits);
    const objectFormat = await git.text(["-C", repository.path, "rev-parse", "--show-object-format"]);
    await cloneInto(run, partial, repository, objectFormat);
    await copyIdentity(git, repository.path, join(partial, "workspace"));
    await rename(join(partial, "host.git"), hostGit);
    // The workspace comes last: its presence means that everything is there.
    await rename(join(partial, "workspace"), workspace);
    await rm(partial, { recursive: true, force: true });
  }
  const commit = await git.text(["--git-dir", hostGit, "rev-parse", "--verify", `${baseRef}^{commit}`]);
  return { hostGit, workspace, base: { branch: await branchOf(git, hostGit), commit } };
}

async function removeLeftovers(taskDirectory: string): Promise<void> {
  for (const name of await readdir(taskDirectory)) {
    if (!name.startsWith(begun)) continue;
    // What is written at this moment cannot be removed, and is in nobody's way.
    await rm(join(taskDirectory, name), { recursive: true, force: true }).catch(() => {});
  }
}

async function cloneInto(
  run: (args: readonly string[]) => Promise<unknown>,
  directory: string,
  repository: RepositoryCheck,
  objectFormat: string,
): Promise<void> {
  const bare = join(directory, "host.git");
  const branch = repository.branch === "" ? "main" : repository.branch;
  // Objects are fetched only between repositories that name them in one way.
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
    `HEAD:${baseRef}`,
  ]);
  await run(["--git-dir", bare, "update-ref", `refs/heads/${branch}`, baseRef]);
  const workspace = join(directory, "workspace");
  await run(["init", "--quiet", ...format, "--initial-branch", branch, workspace]);
  await run([
    "-C",
    workspace,
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-write-fetch-head",
    "--update-shallow",
    bare,
    `${baseRef}:refs/remotes/base`,
  ]);
  await run(["-C", workspace, "update-ref", `refs/heads/${branch}`, "refs/remotes/base"]);
  await run(["-C", workspace, "update-ref", "-d", "refs/remotes/base"]);
  await run(["-C", workspace, "reset", "--quiet", "--hard"]);
}

/** The agent's commits carry the name that the person has set for this repository, or for all. */
async function copyIdentity(git: Git, from: string, workspace: string): Promise<void> {
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
