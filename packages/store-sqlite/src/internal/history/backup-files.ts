import { constants, existsSync } from "node:fs";
import { copyFile, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { actorFilePath, eraseFile } from "../actor-file/paths.ts";
import { Blobs } from "../blobs.ts";
import { makeDirectory } from "../database.ts";
import { text } from "../rows.ts";
import type { WorkerThread } from "../worker-thread.ts";

export interface FileBackup {
  /** The store's directory. */
  readonly from: string;
  readonly to: string;
  /** The copy of the store's database, which has no open connection. */
  readonly database: string;
  readonly thread: WorkerThread;
  readonly blobs: Blobs;
  /** Resolves when everything that an actor has committed is durable. */
  readonly settled: (actorId: string) => Promise<void>;
  readonly now: number;
}

/**
 * Copies the files and objects of the actors in the copied database. Each file is newer than the database, so the copy
 * is marked like a store after a crash: opening it reads wake-up times from the files, and removes objects without
 * references.
 */
export async function backupFiles(backup: FileBackup): Promise<void> {
  const database = new DatabaseSync(backup.database);
  try {
    const mark = database.prepare("UPDATE actor_file SET is_open = 1");
    const isLiving = database.prepare("SELECT 1 FROM actor WHERE id = ? AND destroyed_at IS NULL");
    const markDestroyed = database.prepare("UPDATE actor SET destroyed_at = ?, wake_at = NULL WHERE id = ?");
    const withFile = database
      .prepare("SELECT id FROM actor_file JOIN actor ON no = actor_no WHERE destroyed_at IS NULL ORDER BY no")
      .all()
      .map((row) => text(row, "id"));
    for (const id of withFile) if (!(await copyActorFile(backup, id))) markDestroyed.run(backup.now, id);
    // Visits only actors that have files or objects: there may be very many others.
    for (const id of backup.blobs.actors()) if (isLiving.get(id) !== undefined) await copyBlobs(backup, id);
    mark.run();
    database.exec("INSERT INTO meta (key, value) VALUES ('files_dirty', 1) ON CONFLICT DO NOTHING");
  } finally {
    database.close();
  }
}

/** Returns false if the actor was destroyed after the database was copied. */
async function copyActorFile(backup: FileBackup, id: string): Promise<boolean> {
  await backup.settled(id);
  const source = actorFilePath(backup.from, id);
  if (!existsSync(source)) return false;
  const target = actorFilePath(backup.to, id);
  makeDirectory(dirname(target));
  // Left by a backup that did not finish.
  eraseFile(target);
  try {
    await backup.thread.send({ type: "copy-file", file: source, target });
  } catch (error) {
    if (existsSync(source)) throw error;
    return false;
  }
  await syncPath(target);
  await syncPath(dirname(target));
  return true;
}

async function copyBlobs(backup: FileBackup, id: string): Promise<void> {
  const hashes = await backup.blobs.list(id);
  if (hashes.length === 0) return;
  const copies = new Blobs(backup.to, async () => {});
  makeDirectory(copies.folderOf(id));
  for (const hash of hashes) {
    const target = copies.pathOf(id, hash);
    await copyFile(join(backup.blobs.folderOf(id), hash), target, constants.COPYFILE_FICLONE);
    await syncPath(target);
  }
  await syncPath(copies.folderOf(id));
}

async function syncPath(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
