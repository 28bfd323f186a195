import { randomBytes } from "node:crypto";
import { lstatSync } from "node:fs";
import { mkdir, readlink, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

/** The address of a Unix socket has at most 107 bytes; a folder of this length leaves 32 for names in it. */
const maxFolderBytes = 75;

/** A folder for sockets that only this user can enter. */
export interface SocketFolder {
  readonly path: string;
  /** Removes the folder and everything in it. */
  remove(): Promise<void>;
}

/**
 * Makes a socket folder at `own`, after removing what an earlier process left there. Where `own` is too long for socket
 * addresses, the folder is made in the system's temporary directory and `own` links to it, so that the next process
 * finds and removes it.
 */
export async function makeSocketFolder(own: string): Promise<SocketFolder> {
  await remove(own);
  await mkdir(dirname(own), { recursive: true, mode: 0o700 });
  const fits = Buffer.byteLength(own) <= maxFolderBytes;
  const path = fits ? own : join(tmpdir(), `holdfast-${randomBytes(6).toString("hex")}`);
  // The link comes first: a folder without a link would never be removed.
  if (!fits) await symlink(path, own);
  // Fails where another user has made it.
  await mkdir(path, { mode: 0o700 });
  return { path, remove: () => remove(own) };
}

async function remove(own: string): Promise<void> {
  if (lstatSync(own, { throwIfNoEntry: false })?.isSymbolicLink() === true) {
    const elsewhere = await readlink(own);
    if (/^holdfast-[0-9a-f]{12}$/.test(basename(elsewhere)))
      await rm(elsewhere, { recursive: true, force: true });
  }
  await rm(own, { recursive: true, force: true });
}
