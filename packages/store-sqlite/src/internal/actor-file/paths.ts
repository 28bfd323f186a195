import { createHash } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export const filesFolder = "databases";

const plain = /^[a-z0-9-]{8,64}$/;

/** A name for anything that belongs to an actor: its id where that is a plain one, else a hash of it. */
export function plainName(actorId: string): string {
  if (plain.test(actorId)) return actorId;
  return `x${createHash("sha256").update(actorId).digest("hex")}`;
}

/** Ids end in random digits: files spread over 256 directories. */
export function spread(name: string): string {
  return name.slice(-2);
}

export function actorFilePath(root: string, actorId: string): string {
  const name = plainName(actorId);
  return join(root, filesFolder, spread(name), `${name}.db`);
}

/** All files of actors below the store's directory. */
export function* allFiles(root: string): Generator<string> {
  for (const folder of entries(join(root, filesFolder))) {
    for (const file of entries(join(root, filesFolder, folder))) {
      if (file.endsWith(".db")) yield join(root, filesFolder, folder, file);
    }
  }
}

function entries(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if ((error as { code?: unknown }).code === "ENOENT") return [];
    throw error;
  }
}

/** The actor that a file is of; undefined when that cannot be told. No connection may have it open. */
export function idOfFile(path: string): string | undefined {
  const name = basename(path, ".db");
  if (!/^x[0-9a-f]{64}$/.test(name)) return name;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    const id = database.prepare("SELECT id FROM _holdfast_actor").get()?.["id"];
    return typeof id === "string" ? id : undefined;
  } catch {
    // It was never finished: nothing in it was ever told to anyone.
    return "";
  } finally {
    database?.close();
  }
}

/** Removes a file that no connection has open. */
export function eraseFile(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
}

/** Makes the name of a file durable, off the event loop. */
export async function syncDirectoryOf(path: string): Promise<void> {
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
