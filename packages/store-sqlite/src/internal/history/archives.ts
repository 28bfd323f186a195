import { randomUUID } from "node:crypto";
import { createReadStream, existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { ActorArchive, ActorRecord, ArchivePart, ArchiveSource, CallRecord } from "@holdfast/actors";
import type { ActorFiles } from "../actor-file/files.ts";
import type { Blobs } from "../blobs.ts";
import { actorRecord, bytes, callRecord, integer, optionalInteger, type Row, text } from "../rows.ts";
import { prepareStatements } from "../statements.ts";
import { blobParts, entryParts, makeScratch, stripOwnTables } from "./image.ts";

export interface ArchivesOptions {
  /** The store's directory, and the file of its database. */
  readonly path: string;
  readonly file: string;
  readonly files: ActorFiles;
  readonly blobs: Blobs;
  /** See {@link storeId}. */
  readonly id: string;
}

const recordsPerRead = 1_000;
const callsPerPart = 256;
const maxBytesPerPart = 1_048_576;

/** Identity of the store, created on first use in the open transaction. */
export function storeId(database: DatabaseSync): string {
  database
    .prepare("INSERT INTO meta (key, value) VALUES ('store_id', ?) ON CONFLICT DO NOTHING")
    .run(randomUUID());
  return text(database.prepare("SELECT value FROM meta WHERE key = 'store_id'").get() ?? {}, "value");
}

/** All actors of the store, read through a connection of its own. */
export class SqliteArchives implements ArchiveSource {
  readonly id: string;
  readonly #options: ArchivesOptions;
  readonly #reader: DatabaseSync;
  readonly #sql: ReturnType<typeof prepareShared>;

  constructor(options: ArchivesOptions) {
    this.id = options.id;
    this.#options = options;
    this.#reader = new DatabaseSync(options.file, { readOnly: true });
    this.#sql = prepareShared(this.#reader);
  }

  count(): { readonly existing: number; readonly destroyed: number } {
    const row = this.#sql.count.get() ?? {};
    return { existing: integer(row, "existing"), destroyed: integer(row, "destroyed") };
  }

  *records(): Generator<ActorRecord> {
    let after = "";
    for (;;) {
      const rows = this.#sql.records.all(after);
      for (const row of rows) yield this.#complete(actorRecord(row));
      const last = rows.at(-1);
      if (last === undefined || rows.length < recordsPerRead) return;
      after = text(last, "id");
    }
  }

  /** The file of an actor has its version and wake-up time. */
  #complete(record: ActorRecord): ActorRecord {
    if (record.destroyedAt !== undefined) return record;
    return this.#options.files.find(record.id)?.overlayCurrent(record) ?? record;
  }

  async read(record: ActorRecord, callsAfter: number): Promise<ActorArchive> {
    if (record.destroyedAt !== undefined) return { record, parts: nothing() };
    const { path, files } = this.#options;
    const file = files.find(record.id);
    if (file === undefined) return { record, parts: this.#sharedParts(record.id, callsAfter) };
    const folder = makeScratch(path);
    try {
      const copy = join(folder, "copy.db");
      await files.copy(file, copy);
      return { record, parts: this.#fileParts(record.id, copy, folder, callsAfter) };
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  async *#sharedParts(id: string, callsAfter: number): AsyncGenerator<ArchivePart> {
    const actor = this.#sql.actor.get(id);
    if (actor === undefined) return;
    const no = integer(actor, "no");
    for (const past of this.#sql.past.all(no)) yield* this.#stretch(past);
    const snapshot = this.#sql.snapshot.get(no);
    if (snapshot !== undefined) yield* this.#stretch({ ...snapshot, patch_head: actor["patch_head"] });
    yield* entryParts((start, limit) => this.#sql.entries.all(id, start, null, limit));
    if (integer(actor, "calls_until") > callsAfter) yield* callParts(this.#calls(no), callsAfter);
    yield* this.#blobs(id);
  }

  /** A snapshot and the patches after it. */
  *#stretch(row: Row): Generator<ArchivePart> {
    yield logEntry(true, row);
    const head = optionalInteger(row, "patch_head");
    if (head === undefined) return;
    for (const patch of this.#sql.patches.all(head).reverse()) yield logEntry(false, patch);
  }

  /** Finds the call records of one actor: the table's own index is by key. */
  #calls(actorNo: number): readonly Row[] {
    this.#reader.exec(`CREATE TEMP TABLE IF NOT EXISTS call_of (
      actor_no INTEGER, no INTEGER, PRIMARY KEY (actor_no, no)) WITHOUT ROWID`);
    if (this.#reader.prepare("SELECT 1 FROM call_of LIMIT 1").get() === undefined) {
      this.#reader.exec("INSERT INTO call_of SELECT actor_no, no FROM call");
    }
    return this.#reader
      .prepare(`SELECT key, status, outcome, expires_at FROM call_of JOIN call USING (no)
        WHERE call_of.actor_no = ? ORDER BY key`)
      .all(actorNo);
  }

  async *#fileParts(
    id: string,
    copy: string,
    folder: string,
    callsAfter: number,
  ): AsyncGenerator<ArchivePart> {
    try {
      yield* ownParts(copy, callsAfter);
      stripOwnTables(copy);
      for await (const piece of createReadStream(copy, { highWaterMark: maxBytesPerPart })) {
        yield { type: "database", bytes: new Uint8Array(piece as Buffer) };
      }
      yield* this.#blobs(id);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async *#blobs(id: string): AsyncGenerator<ArchivePart> {
    const folder = this.#options.blobs.folderOf(id);
    if (existsSync(folder)) yield* blobParts(folder);
  }

  close(): void {
    this.#reader.close();
  }
}

async function* nothing(): AsyncGenerator<ArchivePart> {}

/** The store's own data in the file of an actor. */
function* ownParts(copy: string, callsAfter: number): Generator<ArchivePart> {
  const database = new DatabaseSync(copy, { readOnly: true });
  try {
    const log = database.prepare("SELECT is_snapshot, created_at, bytes FROM _holdfast_state ORDER BY no");
    for (const row of log.iterate()) yield logEntry(row["is_snapshot"] === 1, row);
    const entries = database.prepare(
      "SELECT key, value FROM _holdfast_kv WHERE key >= ? ORDER BY key LIMIT ? + 0",
    );
    yield* entryParts((start, limit) => entries.all(start, limit));
    const calls = database.prepare(
      "SELECT key, status, outcome, expires_at FROM _holdfast_call ORDER BY key",
    );
    yield* callParts(calls.iterate(), callsAfter);
  } finally {
    database.close();
  }
}

function logEntry(isSnapshot: boolean, row: Row): ArchivePart {
  return {
    type: "state",
    isSnapshot,
    createdAt: optionalInteger(row, "created_at") ?? 0,
    bytes: bytes(row, "bytes"),
  };
}

function* callParts(rows: Iterable<Row>, callsAfter: number): Generator<ArchivePart> {
  let calls: CallRecord[] = [];
  for (const row of rows) {
    if (integer(row, "expires_at") <= callsAfter) continue;
    calls.push(callRecord(text(row, "key"), row));
    if (calls.length < callsPerPart) continue;
    yield { type: "calls", calls };
    calls = [];
  }
  if (calls.length > 0) yield { type: "calls", calls };
}

function prepareShared(database: DatabaseSync) {
  const sql = (statement: string) => database.prepare(statement);
  return {
    count: sql(`SELECT count(*) FILTER (WHERE destroyed_at IS NULL) AS existing,
      count(*) FILTER (WHERE destroyed_at IS NOT NULL) AS destroyed FROM actor`),
    records: sql(`SELECT id, name, key, epoch, version, created_at, destroyed_at, wake_at FROM actor
      WHERE id > ? ORDER BY id LIMIT ${recordsPerRead}`),
    actor: sql("SELECT no, patch_head, calls_until FROM actor WHERE id = ?"),
    past: sql("SELECT patch_head, created_at, bytes FROM past WHERE actor_no = ? ORDER BY no"),
    snapshot: sql("SELECT created_at, bytes FROM snapshot WHERE actor_no = ?"),
    /** From the newest back to the oldest. */
    patches: sql(`WITH RECURSIVE chain (no, previous, depth) AS (
        SELECT no, previous, 0 FROM patch WHERE no = ?
        UNION ALL
        SELECT patch.no, patch.previous, depth + 1 FROM chain JOIN patch ON patch.no = chain.previous
      ) SELECT patch.created_at, patch.bytes FROM chain JOIN patch ON patch.no = chain.no ORDER BY depth`),
    entries: prepareStatements(database).kvList,
  };
}
