import { constants } from "node:fs";
import { chmod, open, readdir, rm, rmdir, unlink } from "node:fs/promises";

// Node has no name for O_PATH: it opens a directory that may not be read, of which the owner may change that.
const openPath = 0o10000000;
const flags = openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** How often something new in a directory that was emptied is removed too. */
const attempts = 3;

/**
 * Removes a directory with all that is in it, whatever names and permissions somebody who is not trusted
 * has given that: caches of modules are directories that their owner may not write to. On Linux each
 * directory is entered by its descriptor, so that one swapped for a link meanwhile does not lead elsewhere.
 */
export async function removeTree(directory: string): Promise<void> {
  if (process.platform === "linux") await remove(Buffer.from(directory));
  else await rm(directory, { recursive: true, force: true, maxRetries: attempts });
}

async function remove(path: Buffer): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      if (await empty(path)) await rmdir(path);
      else await unlink(path);
      return;
    } catch (error) {
      if (hasCode(error, "ENOENT")) return;
      if (!hasCode(error, "ENOTEMPTY", "EISDIR", "ENOTDIR") || attempt === attempts) throw error;
    }
  }
}

/** Removes what is in a directory; false for what is none. */
async function empty(path: Buffer): Promise<boolean> {
  const opened = await open(path, flags).catch((error: unknown) => {
    if (hasCode(error, "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  });
  if (!opened) return false;
  try {
    const inside = `/proc/self/fd/${opened.fd}`;
    await chmod(inside, 0o700);
    for (const name of await readdir(inside, { encoding: "buffer" })) {
      await remove(Buffer.concat([Buffer.from(`${inside}/`), name]));
    }
    return true;
  } finally {
    await opened.close();
  }
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
