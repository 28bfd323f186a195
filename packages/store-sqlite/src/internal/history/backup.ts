import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { SqliteBackup } from "../../types.ts";
import { syncDirectory } from "../commit/wal.ts";
import { databaseName, makeDirectory } from "../database.ts";
import { mapSqliteError } from "../errors.ts";
import { WorkerThread } from "../worker-thread.ts";

/**
 * Copies a snapshot of the database into `directory`, in a thread with its own connection, while commits continue. The backup gets its name once it is complete and synced.
 *
 * `complete` adds the rest of the copy before it gets its name.
 *
 * `VACUUM INTO` reads in one transaction. SQLite's incremental backup would share the committer's connection, and so
 * its lock, or start over at each commit.
 */
export async function backupDatabase(
  databaseFile: string,
  directory: string,
  complete: (copy: string, thread: WorkerThread) => Promise<void>,
): Promise<SqliteBackup> {
  const file = join(directory, databaseName);
  const partial = `${file}.partial`;
  if (existsSync(file)) {
    throw new HoldfastError("store", "backup_exists", `The directory ${directory} already holds a store`, {
      statusCode: 409,
    });
  }
  const thread = new WorkerThread(databaseFile);
  try {
    makeDirectory(directory);
    rmSync(partial, { force: true });
    await thread.send({ type: "copy", file: partial });
    await complete(partial, thread);
    syncFile(partial);
    renameSync(partial, file);
    syncDirectory(directory);
    return { file, bytes: statSync(file).size };
  } catch (error) {
    rmSync(partial, { force: true });
    throw mapSqliteError(error);
  } finally {
    await thread.close();
  }
}

/** No connection of this process has the copy open, so it may be opened through `fs`. */
function syncFile(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
