import { constants } from "node:fs";
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { JailLayout, type Jails } from "@holdfast/gate";
import { type GuestBundle, guestPrograms } from "../jail/bundle.ts";
import { jailPath, jailPaths } from "../jail/layout.ts";
import type { SnapshotConfig } from "../jail/snapshot.ts";
import { studioLimits } from "../limits.ts";
import type { Git } from "./git.ts";
import { baseRef } from "./prepare.ts";

export interface SnapshotOptions {
  readonly jails: Jails;
  /** The task, in the records of its jails. */
  readonly session?: string;
  readonly bundle: GuestBundle;
  readonly hostGit: string;
  /** Untrusted. */
  readonly workspace: string;
  /** A folder of the host for temporary files. */
  readonly temporary: string;
}

/**
 * Returns the tree of the complete workspace: committed, staged, unstaged and untracked files, except those in
 * `.gitignore`. Git reads the untrusted files in a throwaway jail. Only a pack, whose objects the host verifies, and the
 * id of the tree leave it.
 *
 * Throws `snapshot.failed`, `snapshot.too_large`, `snapshot.refused`, and the errors of the jail.
 */
export async function snapshotTree(git: Git, options: SnapshotOptions): Promise<string> {
  const out = await mkdtemp(join(options.temporary, "snapshot-"));
  try {
    const tree = await runInJail(options, out);
    await importPack(git, options.hostGit, join(out, "snapshot.pack"));
    const found = await git.status(["--git-dir", options.hostGit, "cat-file", "-e", `${tree}^{tree}`]);
    if (found.status !== 0) throw rejected("the pack does not contain the tree");
    return tree;
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

async function runInJail(options: SnapshotOptions, out: string): Promise<string> {
  const layout = new JailLayout(!options.jails.driver.unsafe);
  const config: SnapshotConfig = {
    gitDir: layout.mount(options.hostGit, jailPaths.hostGit, "ro"),
    workspace: layout.mount(options.workspace, jailPaths.workspace, "ro"),
    out: layout.mount(out, jailPaths.out, "rw"),
    base: baseRef,
  };
  return runPackTool(options, layout, guestPrograms.snapshot, config);
}

/**
 * Runs a program of the bundle in a throwaway jail; it writes a pack, and prints the id of an object, which is returned.
 * Throws `snapshot.failed`, and the errors of the jail.
 */
export async function runPackTool(
  { jails, bundle, session }: Pick<SnapshotOptions, "jails" | "bundle" | "session">,
  layout: JailLayout,
  program: string,
  config: object,
): Promise<string> {
  const node = layout.mount(process.execPath, jailPaths.node, "ro");
  const guest = layout.mount(bundle.directory, jailPaths.guest, "ro");
  // `ulimit -f` limits the size of each written file, in units of 512 bytes.
  const limit = 'ulimit -f "$0" && exec "$@"';
  const result = await jails.runTool({
    ...(session === undefined ? {} : { session }),
    command: "/bin/sh",
    args: [
      "-c",
      limit,
      String(studioLimits.maxSnapshotBytes / 512),
      node,
      join(guest, program),
      JSON.stringify(config),
    ],
    cwd: "/",
    env: { PATH: jailPath },
    mounts: layout.mounts,
    timeoutMs: 120_000,
    maxOutputBytes: 64 * 1024,
  });
  const object = result.stdout.toString("utf8").trim();
  if (result.code === 0 && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(object)) return object;
  const reason =
    result.stderr.toString("utf8").trim().slice(-1_000) || result.detail || `exit ${result.code}`;
  throw new HoldfastError("snapshot", "failed", `Git could not read the workspace: ${reason}`);
}

/** Takes the objects of a pack that a jail wrote, each verified. Throws `snapshot.too_large`, `snapshot.refused`. */
export async function importPack(git: Git, hostGit: string, path: string): Promise<void> {
  // The jail wrote this path. It must be a regular file, and is only read through this handle.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw rejected("the pack is not a regular file");
    if (stat.size > studioLimits.maxSnapshotBytes) {
      const message = `The changes are larger than ${studioLimits.maxSnapshotBytes} bytes. Add build output to .gitignore.`;
      throw new HoldfastError("snapshot", "too_large", message, { statusCode: 413 });
    }
    if (await isEmptyPack(file)) return;
    const args = ["--git-dir", hostGit, "index-pack", "--stdin", "--fix-thin", "--strict"];
    const result = await git.status(args, {
      input: file.createReadStream({ start: 0, autoClose: false }),
    });
    if (result.status !== 0) throw rejected(result.stderr.trim().slice(0, 1_000));
  } finally {
    await file.close();
  }
}

/** A pack begins with its name, its version and the number of its objects, each of 4 bytes. */
async function isEmptyPack(file: FileHandle): Promise<boolean> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(12), 0, 12, 0);
  return bytesRead === 12 && buffer.toString("latin1", 0, 4) === "PACK" && buffer.readUInt32BE(8) === 0;
}

function rejected(reason: string): HoldfastError {
  return new HoldfastError("snapshot", "refused", `The snapshot of the workspace was rejected: ${reason}`);
}
