import { randomBytes } from "node:crypto";
import { lstatSync } from "node:fs";
import { mkdir, readlink, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

/** The address of a Unix socket has at most 107 bytes; a folder of this length leaves 32 for names in it. */
const maxFolderBytes = 75;

/** A folder for sockets, which only this user can enter. */
export interface SocketFolder {
  readonly path: string;
  /** Removes it with everything in it. */
  remove(): Promise<void>;
}

/**
 * Makes the folder at `own`, in place of what an earlier process has left there: its sockets are dead.
 * Where `own` is so long that no address of a socket in it would fit, the folder is below the system's
 * directory for temporary files, and `own` is a link to it: so the next process finds what one that was
 * killed has left.
 */
export async function makeSocketFolder(own: string): Promise<SocketFolder> {
  await remove(own);
  await mkdir(dirname(own), { recursive: true, mode: 0o700 });
  const fits = Buffer.byteLength(own) <= maxFolderBytes;
  const path = fits ? own : join(tmpdir(), `holdfast-${randomBytes(6).toString("hex")}`);
  // The link first: a folder that nothing leads to would stay for ever.
  if (!fits) await symlink(path, own);
  // Fails where somebody else has made it.
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
