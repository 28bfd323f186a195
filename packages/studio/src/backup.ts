import { constants } from "node:fs";
import { copyFile, cp, lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError, systemPorts } from "@holdfast/core";
import { openSqliteStore, type SqliteStore } from "@holdfast/store-sqlite";

/** Folder of the actors' store in a data directory. */
export const storeFolder = "actors";

/**
 * Copied beside the store. Left out are what can be had again (installed agents, bundles) and the gate's
 * open questions, which belong to agents that do not live on.
 */
const folders = ["tasks", "sample", "vault"] as const;

/**
 * Copies a data directory while its server runs: what was acknowledged before the call is in the copy.
 * The store comes first; the folders of tasks only ever hold more than it knows of.
 *
 * Throws `backup.not_empty`, `store.*`.
 */
export async function backupInto(store: SqliteStore, dataDirectory: string, target: string): Promise<void> {
  await mkdir(target, { recursive: true, mode: 0o700 });
  if ((await readdir(target)).length > 0) {
    throw new HoldfastError("backup", "not_empty", `${target} is not empty; name a new directory`, {
      statusCode: 409,
    });
  }
  await store.backup(join(target, storeFolder));
  for (const folder of folders) await copyFolder(join(dataDirectory, folder), join(target, folder));
  await mkdir(join(target, "gate"), { mode: 0o700 });
  await copyIfThere(join(dataDirectory, "gate", "audit.log"), join(target, "gate", "audit.log"));
}

/** {@link backupInto} where no server runs. Throws `store.locked` when one does. */
export async function backupDataDirectory(dataDirectory: string, target: string): Promise<void> {
  const store = await openSqliteStore({ path: join(dataDirectory, storeFolder), ports: systemPorts() });
  try {
    await backupInto(store, dataDirectory, target);
  } finally {
    await store.close();
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  try {
    await lstat(from);
  } catch {
    return;
  }
  await cp(from, to, {
    recursive: true,
    preserveTimestamps: true,
    // What agents wrote may link anywhere: links are copied, never followed.
    verbatimSymlinks: true,
    filter: async (source) => {
      if (source.endsWith(".partial")) return false;
      const stat = await lstat(source).catch(() => undefined);
      return stat !== undefined && (stat.isFile() || stat.isDirectory() || stat.isSymbolicLink());
    },
  });
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  }
}
