import { constants } from "node:fs";
import type { PathText } from "./names.ts";
import { lstat, open, readdir, rmdir, unlink } from "./system.ts";

/**
 * Hands `use` a path of the directory at `path` that stays the same directory whatever happens to
 * the names on the way. A link at the end is refused. Elsewhere than on Linux it is the path itself.
 */
export async function withDirectory<T>(path: PathText, use: (inside: PathText) => Promise<T>): Promise<T> {
  if (process.platform !== "linux") return await use(path);
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    return await use(`/proc/self/fd/${directory.fd}`);
  } finally {
    await directory.close();
  }
}

/**
 * Removes a file, a link (never its target) or a directory. Directories are entered by descriptor
 * without following links, so that one swapped for a link meanwhile cannot lead elsewhere.
 */
export async function remove(path: PathText, recursive: boolean): Promise<void> {
  const stat = await lstat(path);
  if (!stat.isDirectory()) {
    await unlink(path);
    return;
  }
  if (recursive) {
    await withDirectory(path, async (inside) => {
      for (const name of await readdir(inside)) await remove(`${inside}/${name}`, true);
    });
  }
  await rmdir(path);
}
