import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { type ImagePart, invalidImport, type KvEntry } from "@holdfast/actors";
import type { ChangedPages } from "../turns/batch.ts";
import { inPieces } from "./pieces.ts";

/** Where the parts of an image go, in their order. */
export interface ImageSink {
  state(type: "snapshot" | "patch", bytes: Uint8Array): Promise<void>;
  entries(entries: readonly KvEntry[]): Promise<void>;
  /** Some pages of the database, which was checked. */
  pages(pages: ChangedPages): Promise<void>;
  /** Reads the source to its end. */
  blob(hash: string, source: AsyncIterable<Uint8Array>): Promise<void>;
}

/**
 * Reads an image into a sink. The database waits in a file in `scratch` until all other parts are read, because only a
 * whole file can be checked. Throws `store.invalid_import` for a damaged image.
 */
export async function readImage(
  parts: AsyncIterable<ImagePart>,
  sink: ImageSink,
  scratch: string,
): Promise<void> {
  const file = join(scratch, `${randomUUID()}.db`);
  try {
    if (await readParts(parts[Symbol.asyncIterator](), sink, file)) await sendDatabase(file, sink);
  } finally {
    await rm(file, { force: true });
  }
}

/** True if there is a database, which is then in the file. */
async function readParts(parts: AsyncIterator<ImagePart>, sink: ImageSink, file: string): Promise<boolean> {
  let next = await parts.next();
  let hasSnapshot = false;
  let hasDatabase = false;
  const following = async function* (type: "database" | "bytes"): AsyncGenerator<Uint8Array> {
    while (next.done !== true && next.value.type === type) {
      yield next.value.bytes;
      next = await parts.next();
    }
  };
  while (next.done !== true) {
    const part = next.value;
    switch (part.type) {
      case "snapshot":
      case "patch":
        if (part.type === "patch" && !hasSnapshot) {
          throw invalidImport("The image has a patch before its first snapshot");
        }
        hasSnapshot = true;
        await sink.state(part.type, part.bytes);
        next = await parts.next();
        break;
      case "entries":
        await sink.entries(part.entries);
        next = await parts.next();
        break;
      case "database":
        if (hasDatabase) throw invalidImport("The image has two databases");
        hasDatabase = true;
        await receive(file, following("database"));
        break;
      case "blob":
        next = await parts.next();
        await sink.blob(part.hash, following("bytes"));
        break;
      case "bytes":
        throw invalidImport("The image has bytes without an object");
    }
  }
  return hasDatabase;
}

async function receive(path: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  await mkdir(join(path, ".."), { recursive: true, mode: 0o700 });
  const file = await open(path, "wx", 0o600);
  try {
    for await (const piece of pieces) await file.appendFile(piece);
  } finally {
    await file.close();
  }
}

async function sendDatabase(file: string, sink: ImageSink): Promise<void> {
  const { pageSize, pages } = checkDatabase(file);
  let no = 1;
  // A piece is a whole number of pages: both are powers of two.
  for await (const block of inPieces(createReadStream(file))) {
    const changed = [];
    for (let at = 0; at < block.length; at += pageSize) {
      changed.push({ no, bytes: block.subarray(at, at + pageSize) });
      no += 1;
    }
    await sink.pages({ pageSize, pages, hasShrunk: false, changed });
  }
}

function checkDatabase(path: string): { readonly pageSize: number; readonly pages: number } {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path);
    const result = database.prepare("PRAGMA quick_check(1)").get()?.["quick_check"];
    const own = database
      .prepare("SELECT 1 FROM sqlite_schema WHERE substr(name, 1, 10) = '_holdfast_'")
      .get();
    const pageSize = Number(database.prepare("PRAGMA page_size").get()?.["page_size"]);
    const pages = Number(database.prepare("PRAGMA page_count").get()?.["page_count"]);
    if (result === "ok" && own === undefined) return { pageSize, pages };
  } catch (cause) {
    throw invalidImport("The database is damaged", cause);
  } finally {
    database?.close();
  }
  throw invalidImport("The database is damaged");
}

/** Bytes 18 and 19 of an SQLite file are its journal mode. A file in WAL mode cannot be opened in memory. */
export function useRollbackJournal(firstPage: Uint8Array): void {
  firstPage[18] = 1;
  firstPage[19] = 1;
}
