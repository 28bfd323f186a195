/** History, images and copies of actors. */
import type { ArchivePart, CallRecord, ImageHeader, ImagePart, KvEntry } from "@holdfast/actors";
import { notFound, useRollbackJournal } from "@holdfast/store-kit";
import type pg from "pg";
import {
  actorRecord,
  bytes,
  callRecord,
  groupedBy,
  integer,
  joined,
  optionalInteger,
  type Row,
  recordColumns,
  storedState,
  text,
} from "../rows.ts";

/** A part that images and archives have in common. */
type SharedPart = ImagePart & ArchivePart;

/** See `Blobs.openInBucket`. */
type OpenInBucket = (
  actorId: string,
  upload: string,
  start: number,
  end: number,
) => Promise<AsyncIterable<Uint8Array>>;

const entriesPerPart = 256;
const pagesPerRead = 256;
const maxBytesPerPart = 1_048_576;

/** Reads the tables of one actor in the open transaction. */
export class ImageReader {
  readonly #client: pg.ClientBase;
  readonly #schema: string;
  readonly #own: readonly [shard: number, actorId: string];
  readonly #openInBucket: OpenInBucket;

  constructor(options: {
    readonly client: pg.ClientBase;
    readonly schema: string;
    readonly shard: number;
    readonly actorId: string;
    readonly openInBucket: OpenInBucket;
  }) {
    this.#client = options.client;
    this.#schema = options.schema;
    this.#own = [options.shard, options.actorId];
    this.#openInBucket = options.openInBucket;
  }

  /** Throws `actor.not_found`. */
  async header(): Promise<{ readonly header: ImageHeader; readonly row: Row }> {
    const [row] = await this.#rows(
      `SELECT ${recordColumns}, snapshot_version, page_size, pages FROM ${this.#schema}.actor
        WHERE shard = $1 AND id = $2`,
    );
    if (row === undefined || row["destroyed_at"] !== null) throw notFound(this.#own[1]);
    const { name, key, createdAt, version, wakeAt } = actorRecord(row);
    const hasDatabase = optionalInteger(row, "pages") !== undefined;
    const header = {
      name,
      key,
      createdAt,
      version,
      hasDatabase,
      ...(wakeAt === undefined ? {} : { wakeAt }),
    };
    return { header, row };
  }

  async *parts(row: Row): AsyncGenerator<ImagePart> {
    yield* this.#state(row);
    yield* this.#entries();
    if (optionalInteger(row, "pages") !== undefined) {
      yield* this.#database(integer(row, "page_size"), integer(row, "pages"));
    }
    yield* this.#blobs();
  }

  /** As `parts`, with the history of the state and the call records that expire after a time. */
  async *archiveParts(row: Row, callsAfter: number): AsyncGenerator<ArchivePart> {
    yield* this.#log();
    yield* this.#entries();
    yield* this.#calls(callsAfter);
    if (optionalInteger(row, "pages") !== undefined) {
      yield* this.#database(integer(row, "page_size"), integer(row, "pages"));
    }
    yield* this.#blobs();
  }

  async *#log(): AsyncGenerator<ArchivePart> {
    const rows = await this.#rows(
      `SELECT version, piece, is_snapshot, created_at, bytes FROM ${this.#schema}.state
        WHERE shard = $1 AND actor = $2 ORDER BY version, piece`,
    );
    for (const pieces of groupedBy(rows, "version")) {
      const first = pieces[0] ?? {};
      const isSnapshot = first["is_snapshot"] === true;
      yield {
        type: "state",
        isSnapshot,
        createdAt: integer(first, "created_at"),
        bytes: joined(pieces, "bytes"),
      };
    }
  }

  async *#calls(callsAfter: number): AsyncGenerator<ArchivePart> {
    let after: Uint8Array | null = null;
    for (;;) {
      const keys: readonly Row[] = await this.#rows(
        `SELECT key FROM ${this.#schema}.call WHERE shard = $1 AND actor = $2 AND piece = 0 AND expires_at > $3
          AND ($4::bytea IS NULL OR key > $4) ORDER BY key LIMIT ${entriesPerPart}`,
        callsAfter,
        after,
      );
      const last = keys.at(-1);
      if (last === undefined) return;
      const rows = await this.#rows(
        `SELECT key, pieces, status, outcome, expires_at FROM ${this.#schema}.call
          WHERE shard = $1 AND actor = $2 AND key >= $3 AND key <= $4 AND expires_at > $5 ORDER BY key, piece`,
        bytes(keys[0] ?? {}, "key"),
        bytes(last, "key"),
        callsAfter,
      );
      const calls: CallRecord[] = [];
      for (const pieces of groupedBy(rows, "key")) {
        const call = callRecord(Buffer.from(bytes(pieces[0] ?? {}, "key")).toString(), pieces);
        if (call !== undefined) calls.push(call);
      }
      yield { type: "calls", calls };
      after = bytes(last, "key");
    }
  }

  async *#state(row: Row): AsyncGenerator<ImagePart> {
    const from = optionalInteger(row, "snapshot_version");
    if (from === undefined) return;
    const rows = await this.#rows(
      `SELECT version, piece, bytes FROM ${this.#schema}.state
        WHERE shard = $1 AND actor = $2 AND version >= $3 ORDER BY version, piece`,
      from,
    );
    const state = storedState(rows);
    if (state === undefined) return;
    yield { type: "snapshot", bytes: state.snapshot };
    for (const patch of state.patches) yield { type: "patch", bytes: patch };
  }

  async *#entries(): AsyncGenerator<SharedPart> {
    let rows: readonly Row[] = [];
    let part: KvEntry[] = [];
    let size = 0;
    let after: Uint8Array | null = null;
    do {
      rows = await this.#rows(
        `SELECT key, pieces, value FROM ${this.#schema}.kv WHERE shard = $1 AND actor = $2 AND piece = 0
          AND ($3::bytea IS NULL OR key > $3) ORDER BY key LIMIT ${entriesPerPart}`,
        after,
      );
      for (const row of rows) {
        const key = bytes(row, "key");
        const value = integer(row, "pieces") === 1 ? bytes(row, "value") : await this.#value(key);
        part.push({ key, value });
        size += key.length + value.length;
        after = key;
        if (size < maxBytesPerPart) continue;
        yield { type: "entries", entries: part };
        part = [];
        size = 0;
      }
    } while (rows.length === entriesPerPart);
    if (part.length > 0) yield { type: "entries", entries: part };
  }

  async #value(key: Uint8Array): Promise<Uint8Array> {
    const rows = await this.#rows(
      `SELECT pieces, value FROM ${this.#schema}.kv
        WHERE shard = $1 AND actor = $2 AND key = $3 ORDER BY piece`,
      key,
    );
    return joined(rows.slice(0, integer(rows[0] ?? {}, "pieces")), "value");
  }

  /** The pages in order form the file. Pages that were never written are zeros. */
  async *#database(pageSize: number, pages: number): AsyncGenerator<SharedPart> {
    const perPart = Math.min(pagesPerRead, Math.max(1, Math.floor(maxBytesPerPart / pageSize)));
    for (let from = 0; from < pages; from += perPart) {
      const rows = await this.#rows(
        `SELECT page, bytes FROM ${this.#schema}.page
          WHERE shard = $1 AND actor = $2 AND page > $3 AND page <= $4 ORDER BY page`,
        from,
        Math.min(pages, from + perPart),
      );
      const part = new Uint8Array(Math.min(perPart, pages - from) * pageSize);
      for (const row of rows) part.set(bytes(row, "bytes"), (integer(row, "page") - 1 - from) * pageSize);
      if (from === 0) useRollbackJournal(part);
      yield { type: "database", bytes: part };
    }
  }

  async *#blobs(): AsyncGenerator<SharedPart> {
    const blobs = await this.#rows(
      `SELECT hash, upload, size, in_bucket FROM ${this.#schema}.blob WHERE shard = $1 AND actor = $2 ORDER BY hash`,
    );
    for (const blob of blobs) {
      yield { type: "blob", hash: text(blob, "hash") };
      if (blob["in_bucket"] === true) {
        const bytesInBucket = await this.#openInBucket(
          this.#own[1],
          text(blob, "upload"),
          0,
          integer(blob, "size"),
        );
        for await (const piece of bytesInBucket) yield { type: "bytes", bytes: piece };
        continue;
      }
      for (let no = 0, left = integer(blob, "size"); left > 0; no += 1) {
        const [row] = await this.#rows(
          `SELECT bytes FROM ${this.#schema}.blob_piece
            WHERE shard = $1 AND actor = $2 AND upload = $3 AND piece = $4`,
          text(blob, "upload"),
          no,
        );
        const piece = bytes(row ?? {}, "bytes");
        left -= piece.length;
        yield { type: "bytes", bytes: piece };
      }
    }
  }

  async #rows(sql: string, ...values: readonly unknown[]): Promise<readonly Row[]> {
    const { rows } = await this.#client.query(sql, [...this.#own, ...values]);
    return rows as readonly Row[];
  }
}
