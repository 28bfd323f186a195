import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { entries } from "../database.ts";

const filesFolder = "databases";

const plain = /^[a-z0-9-]{8,64}$/;

/** A file name for an actor: its id if it is plain, otherwise a hash of it. */
function plainName(actorId: string): string {
  if (plain.test(actorId)) return actorId;
  return `x${createHash("sha256").update(actorId).digest("hex")}`;
}

/** Ids end in random digits: files spread over 256 directories. */
function shardDirectory(name: string): string {
  return name.slice(-2);
}

export function actorFilePath(root: string, actorId: string): string {
  const name = plainName(actorId);
  return join(root, filesFolder, shardDirectory(name), `${name}.db`);
}

/** Lists the files of all actors below the store's directory. */
function* allFiles(root: string): Generator<string> {
  for (const folder of entries(join(root, filesFolder))) {
    for (const file of entries(join(root, filesFolder, folder))) {
      if (file.endsWith(".db")) yield join(root, filesFolder, folder, file);
    }
  }
}

/** A name that stands for an id without revealing it. */
const hashed = /^x[0-9a-f]{64}$/;

/**
 * Finds files without an actor. The name alone decides: a file that cannot be read now may be intact, and must
 * not be taken for an unfinished one. `known` returns the ids of all actors with a file.
 */
export function* findOrphans(
  root: string,
  isKnown: (actorId: string) => boolean,
  known: () => Iterable<string>,
): Generator<string> {
  let names: Set<string> | undefined;
  for (const path of allFiles(root)) {
    const name = basename(path, ".db");
    if (!hashed.test(name)) {
      if (!isKnown(name)) yield path;
      continue;
    }
    names ??= new Set(Array.from(known(), plainName));
    if (!names.has(name)) yield path;
  }
}

/** Removes a file that no connection has open. */
export function eraseFile(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
}

/** Makes the directory entry of a file durable, off the event loop. */
export async function syncDirectoryOf(path: string): Promise<void> {
  const directory = await open(dirname(path), "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
