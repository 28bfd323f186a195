import { mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { copyObjects } from "./copy-objects.ts";
import type { Git, GitRunOptions } from "./git.ts";
import { type CloneSettings, readCloneSettings, writeIdentity } from "./identity.ts";
import type { RepositoryHead } from "./repository.ts";

/** A task's folders with git data. */
export interface TaskRepository {
  /** The host's own bare clone. No jail can write to it. */
  readonly hostGit: string;
  /** The agent's clone. Untrusted as soon as a jail has started. */
  readonly workspace: string;
  readonly base: { readonly branch: string; readonly commit: string };
}

/** A repository to clone, and the reference to start from: HEAD without one. */
export interface CloneSource extends RepositoryHead {
  readonly ref?: string;
}

/** In the host's clone: the commit that the task starts from. */
export const baseRef = "refs/holdfast/base";
const partialPrefix = "prepare";
/** Objects alone: no tags, no FETCH_HEAD, and also from where history is cut off. */
export const fetchOptions = ["--quiet", "--no-tags", "--no-write-fetch-head", "--update-shallow"];

type CloneLimits = Pick<GitRunOptions, "timeoutMs" | "signal">;

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
  findSource: () => Promise<CloneSource>,
  limits: CloneLimits = {},
): Promise<TaskRepository> {
  const hostGit = join(taskDirectory, "host.git");
  const workspace = join(taskDirectory, "workspace");
  if (!(await exists(workspace))) {
    await removeLeftovers(taskDirectory);
    await rm(hostGit, { recursive: true, force: true });
    // A unique name: an orphaned git process of a killed server may still write to the previous one.
    const partial = await mkdtemp(join(taskDirectory, `${partialPrefix}-`));
    const repository = await findSource();
    const settings = await readCloneSettings(git, repository.path);
    const branch = repository.branch === "" ? "main" : repository.branch;
    const commit = await cloneInto(git, partial, { ...repository, branch }, settings, limits);
    await rename(join(partial, "host.git"), hostGit);
    // Move the workspace last: if it exists, everything else does.
    await rename(join(partial, "workspace"), workspace);
    await rm(partial, { recursive: true, force: true });
    return { hostGit, workspace, base: { branch, commit } };
  }
  return { hostGit, workspace, base: await readBase(git, hostGit) };
}

export async function removeLeftovers(taskDirectory: string): Promise<void> {
  for (const name of await readdir(taskDirectory)) {
    if (!name.startsWith(partialPrefix)) continue;
    // Removal can fail while an orphan still writes. The leftover is harmless.
    await rm(join(taskDirectory, name), { recursive: true, force: true }).catch(() => {});
  }
}

/** Makes both clones, and returns the commit that they start from. */
async function cloneInto(
  git: Git,
  directory: string,
  { path, branch, ref = "HEAD" }: CloneSource,
  { objectFormat, identity }: CloneSettings,
  limits: CloneLimits,
): Promise<string> {
  const bare = join(directory, "host.git");
  const workspace = join(directory, "workspace");
  const init = ["init", "--quiet", `--object-format=${objectFormat}`, "--initial-branch", branch];
  await git.run([...init, "--bare", bare], limits);
  // The objects as one file, which is copied faster than many.
  const fetch = ["-c", "fetch.unpackLimit=1", "--git-dir", bare, "fetch", ...fetchOptions];
  await git.run([...fetch, path, `${ref}:${baseRef}`, `${ref}:refs/heads/${branch}`], limits);
  const { commit } = await readBase(git, bare);
  await git.run([...init, workspace], limits);
  const own = join(workspace, ".git");
  await copyObjects(bare, own, limits.signal);
  await git.run(["-C", workspace, "reset", "--quiet", "--hard", commit], limits);
  // The host's clone has them for workspaces that are cloned later.
  for (const clone of [bare, own]) await writeIdentity(clone, identity);
  return commit;
}

/**
 * Creates a workspace with the commit that the host's clone is based on, and nothing that the clone has got since. With
 * the name and email of the clone.
 */
export async function cloneBase(
  git: Git,
  hostGit: string,
  workspace: string,
  limits: CloneLimits,
): Promise<void> {
  const { branch, commit } = await readBase(git, hostGit);
  const { objectFormat, identity } = await readCloneSettings(git, hostGit);
  const init = ["init", "--quiet", `--object-format=${objectFormat}`, "--initial-branch", branch];
  await git.run([...init, workspace], limits);
  const fetch = ["-C", workspace, "fetch", ...fetchOptions, "--update-head-ok", hostGit];
  await git.run([...fetch, `${baseRef}:refs/heads/${branch}`], limits);
  await git.run(["-C", workspace, "reset", "--quiet", "--hard", commit], limits);
  await writeIdentity(join(workspace, ".git"), identity);
}

/** Reads what the host's clone is based on. */
export async function readBase(git: Git, hostGit: string): Promise<TaskRepository["base"]> {
  const args = ["rev-parse", `${baseRef}^{commit}`, "--symbolic-full-name", "HEAD"];
  const [commit = "", ref = ""] = (await git.text(["--git-dir", hostGit, ...args])).split("\n");
  if (!ref.startsWith("refs/heads/"))
    throw new HoldfastError("git", "failed", "The host's clone has no branch");
  return { branch: ref.slice("refs/heads/".length), commit };
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false;
  }
}
