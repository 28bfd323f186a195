import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

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
 * directory for temporary files.
 */
export async function makeSocketFolder(own: string): Promise<SocketFolder> {
  await rm(own, { recursive: true, force: true });
  const fits = Buffer.byteLength(own) <= maxFolderBytes;
  if (fits) await mkdir(own, { recursive: true, mode: 0o700 });
  const path = fits ? own : await mkdtemp(join(tmpdir(), "holdfast-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
