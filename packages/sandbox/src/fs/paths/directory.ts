import { randomUUID } from "node:crypto";
import { lstat, open, readdir, rename, rmdir, unlink } from "../system.ts";
import { listed, maxOpenDirectories } from "./directory-chain.ts";
import type { PathText } from "./names.ts";

/**
 * Hands `use` a path of the directory at `path` that stays the same directory whatever happens to
 * the names on the way. A link at the end is refused. Elsewhere than on Linux it is the path itself.
 */
export async function withDirectory<T>(path: PathText, use: (inside: PathText) => Promise<T>): Promise<T> {
  if (process.platform !== "linux") return await use(path);
  const directory = await open(path, listed);
  try {
    return await use(`/proc/self/fd/${directory.fd}`);
  } finally {
    await directory.close();
  }
}

/** The tree that is removed, and what was moved into it from below. */
interface Top {
  readonly inside: PathText;
  readonly movedUp: PathText[];
}

/**
 * Removes a file, a link (never its target) or a directory, however deep it is. Directories are entered by
 * descriptor without following links, so that one swapped for a link meanwhile cannot lead elsewhere.
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

/** Each level holds a descriptor: what would be one too many is moved up before, so that memory is bounded too. */
async function empty(inside: PathText, top: Top, level: number): Promise<void> {
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

async function removeMoved(top: Top): Promise<void> {
  for (let path = top.movedUp.pop(); path !== undefined; path = top.movedUp.pop()) {
    await withDirectory(path, (inside) => empty(inside, top, 2));
    await rmdir(path);
  }
}
