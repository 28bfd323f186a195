import { execFile } from "node:child_process";
import { appendFile, cp, lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { isErrorCode } from "@holdfast/core";
import type { Git } from "../git/git.ts";
import { diskFull } from "./run-step.ts";

const run = promisify(execFile);
/** The names of all files of a commit. */
const maxListBytes = 256 * 1024 * 1024;

/**
 * Moves what the steps have added to a workspace into `to`, and returns the paths: everything that the commit does not
 * track, each folder as a whole. Changes of tracked files stay behind, because a task starts from its own commit. No
 * jail may have the workspace; its content is untrusted.
 */
export async function takeAdditions(
  git: Git,
  { hostGit, workspace }: { readonly hostGit: string; readonly workspace: string },
  commit: string,
  to: string,
): Promise<readonly string[]> {
  const { files, folders } = await trackedPaths(git, hostGit, commit);
  const additions = await untracked(workspace, "", files, folders);
  for (const path of additions) {
    const target = join(to, path);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await rename(join(workspace, path), target);
  }
  return additions;
}

interface TrackedPaths {
  readonly files: ReadonlySet<string>;
  readonly folders: ReadonlySet<string>;
}

async function trackedPaths(git: Git, hostGit: string, commit: string): Promise<TrackedPaths> {
  const args = ["--git-dir", hostGit, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit];
  const listed = await git.run(args, { maxOutputBytes: maxListBytes });
  const files = new Set(listed.toString("utf8").split("\0").filter(Boolean));
  const folders = new Set<string>();
  for (const file of files) {
    for (let folder = dirname(file); folder !== "." && !folders.has(folder); folder = dirname(folder))
      folders.add(folder);
  }
  return { files, folders };
}

async function untracked(
  workspace: string,
  folder: string,
  files: ReadonlySet<string>,
  folders: ReadonlySet<string>,
): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(workspace, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    // A name that is not UTF-8 cannot be written back.
    if (path === ".git" || files.has(path) || path.includes("\ufffd")) continue;
    if (!folders.has(path)) found.push(path);
    else if (entry.isDirectory()) found.push(...(await untracked(workspace, path, files, folders)));
  }
  return found;
}

/**
 * Moves additions into a workspace in which no jail has run yet. Where the commit of the task has something, that is
 * kept. What is moved is not a change of the task, so that git ignores it there. An interrupted run is repeated with a
 * new copy in `from`.
 */
export async function placeAdditions(
  git: Git,
  additions: readonly string[],
  from: string,
  { hostGit, workspace, commit }: PlacedTask,
): Promise<void> {
  const { files, folders } = await trackedPaths(git, hostGit, commit);
  const isTracked = (path: string) => files.has(path) || folders.has(path);
  const wanted = additions.filter(
    (path) => !isTracked(path) && !ancestorsOf(path).some((each) => files.has(each)),
  );
  if (wanted.length === 0) return;
  const patterns = wanted.filter((path) => !path.includes("\n")).map((path) => `/${escapePattern(path)}\n`);
  for (const gitDir of [hostGit, join(workspace, ".git")]) {
    await mkdir(join(gitDir, "info"), { recursive: true });
    await appendFile(join(gitDir, "info", "exclude"), `\n${patterns.join("")}`);
  }
  for (const path of wanted) {
    // An interrupted run may have moved it already.
    if (!(await makeParents(workspace, path)) || (await kindOf(join(workspace, path))) !== "nothing")
      continue;
    await rename(join(from, path), join(workspace, path));
  }
}

/** The folders of a task, and the commit that it starts from. */
export interface PlacedTask {
  readonly hostGit: string;
  readonly workspace: string;
  readonly commit: string;
}

function ancestorsOf(path: string): readonly string[] {
  const parts = path.split("/");
  return parts.slice(1).map((_part, index) => parts.slice(0, index + 1).join("/"));
}

function escapePattern(path: string): string {
  return path.replace(/[\\*?[]/g, "\\$&").replace(/ $/, "\\ ");
}

/** Makes the folders above a path; false if something else than a folder is in the way. */
async function makeParents(workspace: string, path: string): Promise<boolean> {
  let folder = workspace;
  for (const part of path.split("/").slice(0, -1)) {
    folder = join(folder, part);
    const kind = await kindOf(folder);
    if (kind === "nothing") await mkdir(folder);
    else if (kind !== "folder") return false;
  }
  return true;
}

async function kindOf(path: string): Promise<"nothing" | "folder" | "other"> {
  try {
    return (await lstat(path)).isDirectory() ? "folder" : "other";
  } catch (error) {
    if (isErrnoCode(error, "ENOENT")) return "nothing";
    throw error;
  }
}

/**
 * Copies a folder into a new one: blocks are shared where the file system can (reflink), else copied. Links are copied
 * as links. Hard links would let one task change the files of another. Throws `environment.disk_full`.
 */
export async function copyFolder(from: string, to: string): Promise<void> {
  try {
    if (process.platform === "linux") await run("cp", ["-a", "--reflink=auto", "--", from, to]);
    else if (process.platform === "darwin") await run("cp", ["-cRp", "--", from, to]);
    else await cp(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  } catch (error) {
    await removeFolder(to);
    throw asDiskFull("a copy for a task", error);
  }
}

/** Writes a folder's content to the disk, as far as the system has a command for it. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === "linux") await run("sync", ["-f", "--", path]);
}

/** Removes a folder, also one with read-only folders in it, such as a cache of Go. */
export async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!isErrnoCode(error, "EACCES") && !isErrnoCode(error, "EPERM")) throw error;
    await run("chmod", ["-R", "u+rwX", "--", path]);
    await rm(path, { recursive: true, force: true });
  }
}

/** Tells a full disk apart from other failures. */
export function asDiskFull(where: string, error: unknown): unknown {
  if (isErrorCode(error, "environment", "disk_full")) return error;
  const text = error instanceof Error ? error.message : "";
  const isFull = isErrnoCode(error, "ENOSPC") || isErrnoCode(error, "EDQUOT");
  return isFull || /No space left on device|Disk quota exceeded/.test(text) ? diskFull(where, error) : error;
}

function isErrnoCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
