import { randomUUID } from "node:crypto";
import { lstat, open, readdir, rename, rmdir, unlink } from "../system.ts";
import { listFlags, maxOpenDirectories } from "./directory-chain.ts";
import type { PathText } from "./names.ts";

/**
 * Calls `use` with a path that stays the same directory even if names on the way change (Linux; elsewhere the
 * path itself). A link at the end is refused.
 */
export async function withDirectory<T>(path: PathText, use: (inside: PathText) => Promise<T>): Promise<T> {
  if (process.platform !== "linux") return await use(path);
  const directory = await open(path, listFlags);
  try {
    return await use(`/proc/self/fd/${directory.fd}`);
  } finally {
    await directory.close();
  }
}

/** The root of a removal, and the deep subtrees that were moved up into it. */
interface RemovalRoot {
  readonly inside: PathText;
  readonly movedUp: PathText[];
}

/**
 * Removes a file, a link (never its target) or a directory of any depth. Directories are entered by descriptor without
 * following links, so that replacing one with a link cannot redirect the removal.
 */
export async function remove(path: PathText, recursive: boolean): Promise<void> {
  const stat = await lstat(path);
  if (!stat.isDirectory()) {
    await unlink(path);
    return;
  }
  if (recursive) {
    await withDirectory(path, async (inside) => {
      const top = { inside, movedUp: [] };
      await empty(inside, top, 1);
      await removeMoved(top);
    });
  }
  await rmdir(path);
}

/** Each level holds a descriptor. Deeper subtrees are first moved up to the root, which also bounds memory. */
async function empty(inside: PathText, top: RemovalRoot, level: number): Promise<void> {
  for (const name of await readdir(inside)) {
    const path = `${inside}/${name}`;
    if (!(await lstat(path)).isDirectory()) await unlink(path);
    else if (level < maxOpenDirectories) {
      await withDirectory(path, (below) => empty(below, top, level + 1));
      await rmdir(path);
    } else {
      const place = `${top.inside}/${randomUUID()}`;
      await rename(path, place);
      top.movedUp.push(place);
    }
  }
}

async function removeMoved(top: RemovalRoot): Promise<void> {
  for (let path = top.movedUp.pop(); path !== undefined; path = top.movedUp.pop()) {
    await withDirectory(path, (inside) => empty(inside, top, 2));
    await rmdir(path);
  }
}
