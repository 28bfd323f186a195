import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { JailLayout, type Jails } from "@holdfast/gate";
import type { HunkPlace } from "../contract/review.ts";
import type { Git } from "../git/git.ts";
import { type GuestBundle, guestPrograms } from "../jail/bundle.ts";
import { jailPath, jailPaths } from "../jail/layout.ts";
import type { SwitchConfig } from "../jail/switch-tree.ts";
import { entryOf, readBlob, type TreeEntry } from "./file-content.ts";

/** A file in two states, the later of which becomes as the earlier one. */
export interface RevertedFile {
  readonly hostGit: string;
  readonly base: string;
  readonly tree: string;
  readonly path: string;
  readonly oldPath?: string;
  readonly hunk?: HunkPlace;
}

/** Writes the tree in which a file or a hunk is as in `base`. `temporary` is a folder of the host. */
export async function revertedTree(git: Git, file: RevertedFile, temporary: string): Promise<string> {
  const { hostGit, base, tree, path, oldPath, hunk } = file;
  const now = await entryOf(git, hostGit, tree, path);
  if (hunk !== undefined && now !== undefined) {
    const before = await readBlob(git, { hostGit, tree: base, path: oldPath ?? path });
    const after = await readBlob(git, { hostGit, tree, path });
    const input = withoutHunk(before, after, hunk);
    const object = await git.text(["--git-dir", hostGit, "hash-object", "-w", "--stdin"], { input });
    return withEntries(git, hostGit, tree, new Map([[path, { ...now, object }]]), temporary);
  }
  const entries = new Map<string, TreeEntry | undefined>();
  if (oldPath !== undefined) {
    entries.set(path, undefined);
    entries.set(oldPath, await entryOf(git, hostGit, base, oldPath));
  } else entries.set(path, await entryOf(git, hostGit, base, path));
  return withEntries(git, hostGit, tree, entries, temporary);
}

/**
 * Writes the tree in which some paths are as in `before`. Throws `review.file_changed` if one of them is no longer as in
 * `after`.
 */
export async function restoredTree(
  git: Git,
  hostGit: string,
  { paths, before, after, tree }: RestoredPaths,
  temporary: string,
): Promise<string> {
  const entries = new Map<string, TreeEntry | undefined>();
  for (const path of paths) {
    const [then, now] = [await entryOf(git, hostGit, after, path), await entryOf(git, hostGit, tree, path)];
    if (then?.object !== now?.object || then?.mode !== now?.mode) throw fileChanged(path);
    entries.set(path, await entryOf(git, hostGit, before, path));
  }
  return withEntries(git, hostGit, tree, entries, temporary);
}

export interface RestoredPaths {
  readonly paths: readonly string[];
  readonly before: string;
  readonly after: string;
  /** The state of the files now. */
  readonly tree: string;
}

export function fileChanged(path: string): HoldfastError {
  const message = `${JSON.stringify(path)} has changed since it was shown. Reload the changes, and look at it again.`;
  return new HoldfastError("review", "file_changed", message, { statusCode: 409 });
}

/** A file cannot come back to where something else is by now. */
function pathTaken(path: string, other: string): HoldfastError {
  const message = `${JSON.stringify(other)} is in the place of ${JSON.stringify(path)}. Revert that first.`;
  return new HoldfastError("review", "path_taken", message, { statusCode: 409 });
}

/** The later content with the lines of the hunk as they were. Lines are bytes, with their ends. */
function withoutHunk(before: Buffer, after: Buffer, hunk: HunkPlace): Buffer {
  const [old, now] = [linesOf(before), linesOf(after)];
  // A side without lines names the line that comes before.
  const oldFirst = hunk.oldLines === 0 ? hunk.oldStart : hunk.oldStart - 1;
  const newFirst = hunk.newLines === 0 ? hunk.newStart : hunk.newStart - 1;
  return Buffer.concat([
    ...now.slice(0, newFirst),
    ...old.slice(oldFirst, oldFirst + hunk.oldLines),
    ...now.slice(newFirst + hunk.newLines),
  ]);
}

function linesOf(content: Buffer): readonly Buffer[] {
  const lines: Buffer[] = [];
  for (let start = 0; start < content.length; ) {
    const end = content.indexOf(0x0a, start);
    const stop = end < 0 ? content.length : end + 1;
    lines.push(content.subarray(start, stop));
    start = stop;
  }
  return lines;
}

async function withEntries(
  git: Git,
  hostGit: string,
  tree: string,
  entries: ReadonlyMap<string, TreeEntry | undefined>,
  temporary: string,
): Promise<string> {
  const folder = await mkdtemp(join(temporary, "index-"));
  try {
    const env = { GIT_INDEX_FILE: join(folder, "index") };
    const run = (args: readonly string[], input?: string) =>
      git.text(["--git-dir", hostGit, ...args], { env, ...(input === undefined ? {} : { input }) });
    await run(["read-tree", tree]);
    const rows = Array.from(entries, ([path, entry]) =>
      entry === undefined
        ? `0 ${"0".repeat(tree.length)}\t${path}\0`
        : `${entry.mode} ${entry.object}\t${path}\0`,
    );
    await run(["update-index", "-z", "--index-info"], rows.join(""));
    const after = await run(["write-tree"]);
    const changed = await run(["diff-tree", "-r", "-z", "--name-only", "--no-renames", tree, after]);
    const other = changed.split("\0").find((path) => path !== "" && !entries.has(path));
    if (other !== undefined) throw pathTaken(Array.from(entries.keys())[0] ?? "", other);
    return after;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface SwitchOptions {
  readonly jails: Jails;
  /** The task, in the record of the jail. */
  readonly session: string;
  readonly bundle: GuestBundle;
  readonly hostGit: string;
  /** Untrusted. */
  readonly workspace: string;
  /** The state in which the files are. */
  readonly from: string;
  readonly to: string;
  readonly temporary: string;
}

/**
 * Changes the files of a workspace from one tree to another, in a throwaway jail. Only files that differ are written, and
 * none if one of them is no longer as in `from`. Returns false then.
 */
export async function switchTree(options: SwitchOptions): Promise<boolean> {
  const out = await mkdtemp(join(options.temporary, "switch-"));
  try {
    const layout = new JailLayout(!options.jails.driver.unsafe);
    const config: SwitchConfig = {
      gitDir: layout.mount(options.hostGit, jailPaths.hostGit, "ro"),
      workspace: layout.mount(options.workspace, jailPaths.workspace, "rw"),
      out: layout.mount(out, jailPaths.out, "rw"),
      from: options.from,
      to: options.to,
    };
    const node = layout.mount(process.execPath, jailPaths.node, "ro");
    const guest = layout.mount(options.bundle.directory, jailPaths.guest, "ro");
    const result = await options.jails.runTool({
      session: options.session,
      command: node,
      args: [join(guest, guestPrograms.switchTree), JSON.stringify(config)],
      cwd: "/",
      env: { PATH: jailPath },
      mounts: layout.mounts,
      timeoutMs: 120_000,
      maxOutputBytes: 64 * 1024,
    });
    if (result.code === 0) return true;
    if (result.code === 3) return false;
    const reason =
      result.stderr.toString("utf8").trim().slice(-1_000) || result.detail || `exit ${result.code}`;
    throw new HoldfastError("review", "revert_failed", `The files could not be changed: ${reason}`);
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}
