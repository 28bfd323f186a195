import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { refused } from "./repository.ts";

const unfinished = /^\.holdfast-[0-9a-f]{16}\.tmp$/;

/** Longer than all that git does to fill a folder may take, also in the process that a reload lets end. */
const unfinishedMs = 10 * 60_000;

/**
 * Fills a new folder: it is there whole or not at all, so that one that could not be filled can be asked for again.
 * What a fetch that was killed has left beside it is taken away.
 */
export async function putWhole<Result>(
  directory: string,
  fill: (fresh: string) => Promise<Result>,
): Promise<Result> {
  const folder = dirname(directory);
  await removeUnfinished(folder);
  // On the same file system, so that it gets its name in one step; the name is none that a tool takes.
  const fresh = join(folder, `.holdfast-${randomBytes(8).toString("hex")}.tmp`);
  mkdirSync(fresh, { recursive: true });
  try {
    const result = await fill(fresh);
    renameSync(fresh, directory);
    return result;
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    const code: unknown = Reflect.get(Object(error), "code");
    if (code === "ENOTEMPTY" || code === "EEXIST") throw refused("The folder is not empty", "path");
    throw error;
  }
}

/**
 * Takes away the folders that nobody fills any more; files of such names are of another plugin. Never rejects: a
 * folder that is not there yet has none, and one that cannot be taken away is in nobody's way.
 */
export async function removeUnfinished(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const before = Date.now() - unfinishedMs;
  for (const entry of entries) {
    if (!entry.isDirectory() || !unfinished.test(entry.name)) continue;
    const path = join(folder, entry.name);
    const stat = await lstat(path).catch(() => undefined);
    if (stat !== undefined && stat.mtimeMs < before) await rm(path, { recursive: true }).catch(() => {});
  }
}
