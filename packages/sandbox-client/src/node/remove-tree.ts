import { randomUUID } from "node:crypto";
import { constants } from "node:fs";
import { chmod, open, readdir, rename, rm, rmdir, unlink } from "node:fs/promises";

// Node has no name for O_PATH: it opens a directory that may not be read, of which the owner may change that.
const openPath = 0o10000000;
const flags = openPath | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** How often something new in a directory that was emptied is removed too. */
const attempts = 3;
/** Each level of directories that is entered holds a descriptor; what lies deeper is moved up before. */
const maxLevels = 64;

/** The tree itself, with directories that were moved up into it. */
interface Top {
  /** A path of the directory by its descriptor. */
  readonly inside: string;
  readonly movedUp: Buffer[];
}

/**
 * Removes a directory tree with untrusted names, depth and permissions; module caches, for example, are read-only
 * directories. On Linux each directory is entered by its descriptor, so that replacing one by a link cannot lead
 * outside.
 */
export async function removeTree(directory: string): Promise<void> {
  if (process.platform === "linux") await remove(Buffer.from(directory));
  else await rm(directory, { recursive: true, force: true, maxRetries: attempts });
}

async function remove(path: Buffer, top?: Top, level = 0): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const was = await empty(path, top, level);
      if (was === "directory") await rmdir(path);
      else if (was === "other") await unlink(path);
      return;
    } catch (error) {
      if (hasCode(error, "ENOENT")) return;
      if (!hasCode(error, "ENOTEMPTY", "EISDIR", "ENOTDIR") || attempt === attempts) throw error;
    }
  }
}

/** Removes the content of a directory. Directories that are too deep are moved up first. */
async function empty(
  path: Buffer,
  top: Top | undefined,
  level: number,
): Promise<"directory" | "moved" | "other"> {
  const opened = await open(path, flags).catch((error: unknown) => {
    if (hasCode(error, "ENOTDIR", "ELOOP")) return undefined;
    throw error;
  });
  if (!opened) return "other";
  try {
    const inside = `/proc/self/fd/${opened.fd}`;
    await chmod(inside, 0o700);
    if (top !== undefined && level >= maxLevels) {
      await moveUp(path, top);
      return "moved";
    }
    const own = top ?? { inside, movedUp: [] };
    for (const name of await readdir(inside, { encoding: "buffer" })) {
      await remove(Buffer.concat([Buffer.from(`${inside}/`), name]), own, level + 1);
    }
    for (let deep = top ? undefined : own.movedUp.pop(); deep; deep = own.movedUp.pop()) {
      await remove(deep, own, 1);
    }
    return "directory";
  } finally {
    await opened.close();
  }
}

async function moveUp(path: Buffer, { inside, movedUp }: Top): Promise<void> {
  const place = Buffer.from(`${inside}/${randomUUID()}`);
  await rename(path, place);
  movedUp.push(place);
}

function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
