import { randomUUID } from "node:crypto";
import { createReadStream, existsSync, linkSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type ImageHeader, type ImagePart, invalidImport, type KvEntry } from "@holdfast/actors";
import type { FileContent } from "../actor-file/file-writes.ts";
import { prepareFileStatements } from "../actor-file/schema.ts";
import type { Blobs } from "../blobs.ts";
import { bytes, integer, optionalInteger } from "../rows.ts";
import { prepareStatements } from "../statements.ts";
import { stateAt } from "./retention.ts";

/** Folder for temporary copies; emptied when the store is opened. */
export const scratchFolder = "scratch";

type EntryPart = Extract<ImagePart, { type: "entries" }>;
type BlobPart = Extract<ImagePart, { type: "blob" | "bytes" }>;

const entriesPerPart = 256;
const maxBytesPerPart = 1_048_576;

/** The temporary folder of one image. */
export function makeScratch(root: string): string {
  const folder = join(root, scratchFolder, randomUUID());
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Preserves the current objects of an actor with hard links. */
export function linkBlobs(blobs: Blobs, actorId: string, folder: string): void {
  const source = blobs.folderOf(actorId);
  if (!existsSync(source)) return;
  for (const name of readdirSync(source)) {
    const target = join(folder, name);
    if (/^[0-9a-f]{64}$/.test(name) && !existsSync(target)) linkSync(join(source, name), target);
  }
}

/** The parts of an actor in the store's database, as `reader` sees them at one moment; closes the reader. */
export async function* sharedParts(
  reader: DatabaseSync,
  id: string,
  folder: string,
): AsyncGenerator<ImagePart> {
  try {
    const sql = prepareStatements(reader);
    yield* stateParts(stateAt(sql, id, Number.MAX_SAFE_INTEGER));
    yield* entryParts((start, limit) => sql.kvList.all(id, start, null, limit));
    yield* blobParts(folder);
  } finally {
    reader.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The parts of an actor whose file was copied to `copy`. */
export async function* fileParts(copy: string, folder: string): AsyncGenerator<ImagePart> {
  try {
    yield* ownParts(copy);
    stripOwnTables(copy);
    for await (const piece of createReadStream(copy, { highWaterMark: maxBytesPerPart })) {
      yield { type: "database", bytes: new Uint8Array(piece as Buffer) };
    }
    yield* blobParts(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The version of the actor in a copied file, and its wake-up time. */
export function imagePosition(copy: string): Pick<ImageHeader, "version" | "wakeAt"> {
  const database = new DatabaseSync(copy, { readOnly: true });
  try {
    const row = prepareFileStatements(database).read.get() ?? {};
    const wakeAt = optionalInteger(row, "wake_at");
    return { version: integer(row, "version"), ...(wakeAt === undefined ? {} : { wakeAt }) };
  } finally {
    database.close();
  }
}

/** The store's own data in the file of an actor. */
function* ownParts(copy: string): Generator<ImagePart> {
  const database = new DatabaseSync(copy, { enableForeignKeyConstraints: false });
  try {
    const sql = prepareFileStatements(database);
    const [snapshot, ...patches] = sql.stateSince
      .all(Number.MAX_SAFE_INTEGER)
      .map((row) => bytes(row, "bytes"));
    yield* stateParts(snapshot === undefined ? undefined : { snapshot, patches });
    yield* entryParts((start, limit) => sql.kvList.all(start, null, limit));
  } finally {
    database.close();
  }
}

/** Leaves only the user's tables: everything else is exported in a form that any store can read. */
export function stripOwnTables(path: string): void {
  const database = new DatabaseSync(path, { enableForeignKeyConstraints: false });
  try {
    const own = database.prepare(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, 10) = '_holdfast_'",
    );
    for (const row of own.all()) database.exec(`DROP TABLE "${row["name"]}"`);
    database.exec("VACUUM");
  } finally {
    database.close();
  }
}

function* stateParts(state: FileContent["state"]): Generator<ImagePart> {
  if (state === undefined) return;
  yield { type: "snapshot", bytes: state.snapshot };
  for (const patch of state.patches) yield { type: "patch", bytes: patch };
}

export function* entryParts(
  page: (start: Uint8Array, limit: number) => readonly Record<string, unknown>[],
): Generator<EntryPart> {
  let start: Uint8Array = new Uint8Array(0);
  for (;;) {
    const rows = page(start, entriesPerPart);
    const entries = rows.map((row) => ({ key: bytes(row, "key"), value: bytes(row, "value") }));
    yield* inBounds(entries);
    const last = entries.at(-1);
    if (last === undefined || rows.length < entriesPerPart) return;
    start = new Uint8Array([...last.key, 0]);
  }
}

/** Parts of bounded size: an entry has at most 2 MiB. */
function* inBounds(entries: readonly KvEntry[]): Generator<EntryPart> {
  let part: KvEntry[] = [];
  let size = 0;
  for (const entry of entries) {
    part.push(entry);
    size += entry.key.length + entry.value.length;
    if (size < maxBytesPerPart) continue;
    yield { type: "entries", entries: part };
    part = [];
    size = 0;
  }
  if (part.length > 0) yield { type: "entries", entries: part };
}

/** The objects in a folder. */
export async function* blobParts(folder: string): AsyncGenerator<BlobPart> {
  for (const hash of readdirSync(folder)
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .sort()) {
    yield { type: "blob", hash };
    for await (const piece of createReadStream(join(folder, hash), { highWaterMark: maxBytesPerPart })) {
      yield { type: "bytes", bytes: new Uint8Array(piece as Buffer) };
    }
  }
}

/** The content of an image: the database is in a file, the objects are in place. */
export interface Received extends Pick<FileContent, "state" | "kv"> {
  readonly hasDatabase: boolean;
}

/** An image whose first part has been read. */
export interface OpenImage {
  readonly parts: AsyncIterator<ImagePart>;
  readonly first: IteratorResult<ImagePart>;
}

/** Reads an image to its end: the database into `databasePath`, the objects into the actor's folder. */
export async function receive(
  { parts, first }: OpenImage,
  actorId: string,
  databasePath: string,
  blobs: Blobs,
  maxBlobBytes: number,
): Promise<Received> {
  let snapshot: Uint8Array | undefined;
  const patches: Uint8Array[] = [];
  const kv: KvEntry[] = [];
  let hasDatabase = false;
  let next = first;
  const advance = async (): Promise<void> => {
    next = await parts.next();
  };
  const run = async function* (type: "database" | "bytes"): AsyncGenerator<Uint8Array> {
    while (next.done !== true && next.value.type === type) {
      yield next.value.bytes;
      await advance();
    }
  };
  while (next.done !== true) {
    const part = next.value;
    switch (part.type) {
      case "snapshot":
        snapshot = part.bytes;
        await advance();
        break;
      case "patch":
        if (snapshot === undefined) throw invalidImport("The image has a patch before its first snapshot");
        patches.push(part.bytes);
        await advance();
        break;
      case "entries":
        kv.push(...part.entries);
        await advance();
        break;
      case "database":
        if (hasDatabase) throw invalidImport("The image has two databases");
        hasDatabase = true;
        await writeFile(databasePath, run("database"));
        break;
      case "blob": {
        await advance();
        const { hash } = await blobs.put(actorId, run("bytes"), maxBlobBytes);
        if (hash !== part.hash) throw invalidImport("A blob of the image is damaged");
        break;
      }
      case "bytes":
        throw invalidImport("The image has bytes without an object");
    }
  }
  if (hasDatabase) checkDatabase(databasePath);
  return { hasDatabase, kv, state: snapshot === undefined ? undefined : { snapshot, patches } };
}

async function writeFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    for await (const piece of pieces) {
      let written = 0;
      while (written < piece.length) written += (await file.write(piece, written)).bytesWritten;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

function checkDatabase(path: string): void {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    const result = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    const own = database
      .prepare("SELECT 1 FROM sqlite_schema WHERE substr(name, 1, 10) = '_holdfast_'")
      .get();
    if (result === "ok" && own === undefined) return;
  } catch (cause) {
    throw invalidImport("The database is damaged", cause);
  } finally {
    database?.close();
  }
  throw invalidImport("The database is damaged");
}
