import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { lstat, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { refused } from "./repository.ts";

const temporaryName = /^\.holdfast-[0-9a-f]{16}\.tmp$/;

/** Longer than git may take to fill a folder, including the calls that a reload lets finish. */
const staleFolderMs = 10 * 60_000;

/**
 * Fills a new folder atomically, so that a failed fetch can be retried. Removes the leftovers of killed fetches beside
 * it.
 */
export async function fillNewFolder<Result>(
  directory: string,
  fill: (temporaryPath: string) => Promise<Result>,
): Promise<Result> {
  const folder = dirname(directory);
  await removeStaleFolders(folder);
  // On the same file system, for an atomic rename. No tool accepts a name like this.
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
 * Removes abandoned temporary folders. Skips files of such names, which belong to another plugin. Never rejects: a
 * missing folder has none, and a leftover does no harm.
 */
export async function removeStaleFolders(folder: string): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const before = Date.now() - staleFolderMs;
  for (const entry of entries) {
    if (!entry.isDirectory() || !temporaryName.test(entry.name)) continue;
    const path = join(folder, entry.name);
    const stat = await lstat(path).catch(() => undefined);
    if (stat !== undefined && stat.mtimeMs < before) await rm(path, { recursive: true }).catch(() => {});
  }
}
