import type { ActorArchive, ActorRecord, ArchivePart } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";
import { corrupt, inPieces } from "@holdfast/store-kit";
import { postgresStoreLimits } from "../../limits.ts";
import type { Blobs } from "../blobs/blobs.ts";
import type { TurnStatements } from "../commit/statements.ts";
import type { Connections } from "../connection/connections.ts";
import type { Statement } from "../connection/transaction-query.ts";
import { keyHash, shardOf } from "../shards.ts";

export interface ArchiveWriterOptions {
  readonly connections: Connections;
  readonly statements: TurnStatements;
  readonly blobs: Blobs;
  readonly schema: string;
  readonly shards: number;
}

/** Statements of one transaction: beyond these limits it is sent. */
const maxBytes = 4 * 1_048_576;
const maxStatements = 2_000;

type LogEntry = Extract<ArchivePart, { readonly type: "state" }>;

interface Content {
  snapshotVersion: number | null;
  callsUntil: number;
  pageSize: number | null;
  pages: number | null;
}

/**
 * Writes archives as rows. The row of an actor is written last: without it the actor does not exist, and its other rows
 * are replaced by the next attempt. Several small actors share a transaction. Every transaction can be repeated, so a
 * lost connection does not matter.
 */
export class ArchiveWriter {
  readonly #options: ArchiveWriterOptions;
  readonly #sql: ReturnType<typeof writerSql>;
  #statements: Statement[] = [];
  #bytes = 0;

  constructor(options: ArchiveWriterOptions) {
    this.#options = options;
    this.#sql = writerSql(options.schema);
  }

  /** True if everything written so far was sent. */
  get isFlushed(): boolean {
    return this.#statements.length === 0;
  }

  async write({ record, parts }: ActorArchive): Promise<void> {
    const own = [shardOf(record.id, this.#options.shards), record.id] as const;
    for (const text of this.#sql.deleteAll) this.#statements.push({ text, values: own });
    const content: Content = { snapshotVersion: null, callsUntil: 0, pageSize: null, pages: null };
    const hashes = await this.#read(parts[Symbol.asyncIterator](), record, own, content);
    await this.#removeOtherBlobs(record.id, hashes);
    this.#statements.push({ text: this.#sql.putActor, values: actorValues(own, record, content) });
    await this.#flushIfFull();
  }

  /** Returns the hashes of the objects. */
  async #read(
    parts: AsyncIterator<ArchivePart>,
    record: ActorRecord,
    own: readonly [number, string],
    content: Content,
  ): Promise<ReadonlySet<string>> {
    const hashes = new Set<string>();
    const log: LogEntry[] = [];
    let next = await parts.next();
    const following = async function* (type: "database" | "bytes"): AsyncGenerator<Uint8Array> {
      while (next.done !== true && next.value.type === type) {
        yield next.value.bytes;
        next = await parts.next();
      }
    };
    while (next.done !== true) {
      const part = next.value;
      switch (part.type) {
        case "state":
          log.push(part);
          next = await parts.next();
          break;
        case "entries":
        case "calls":
          await this.#records(own, part, content);
          next = await parts.next();
          break;
        case "database":
          await this.#database(own, record.version, following("database"), content);
          break;
        case "blob": {
          next = await parts.next();
          const { hash } = await this.#options.blobs.put(
            record.id,
            following("bytes"),
            postgresStoreLimits.maxBlobBytes,
          );
          if (hash !== part.hash)
            throw corrupt(`The object ${part.hash} of the actor ${record.id} is damaged`);
          hashes.add(hash);
          break;
        }
        case "bytes":
          throw corrupt("An archive has bytes without an object");
      }
    }
    await this.#log(own, record.version, log, content);
    return hashes;
  }

  /** The last entry gets the version of the actor; each earlier one, the version before. */
  async #log(
    own: readonly [number, string],
    version: number,
    log: readonly LogEntry[],
    content: Content,
  ): Promise<void> {
    for (const [at, { isSnapshot, createdAt, bytes }] of log.entries()) {
      const entry = version - log.length + 1 + at;
      if (isSnapshot) content.snapshotVersion = entry;
      this.#bytes += bytes.length;
      this.#options.statements.logEntry(
        this.#statements,
        own,
        { version: entry, isSnapshot, createdAt },
        bytes,
      );
      await this.#flushIfFull();
    }
  }

  async #records(
    own: readonly [number, string],
    part: Extract<ArchivePart, { readonly type: "entries" | "calls" }>,
    content: Content,
  ): Promise<void> {
    const { statements } = this.#options;
    if (part.type === "entries") {
      for (const entry of part.entries) {
        this.#bytes += entry.key.length + entry.value.length;
        statements.kv(this.#statements, own, { type: "put", ...entry });
      }
    } else {
      for (const call of part.calls) {
        content.callsUntil = Math.max(content.callsUntil, call.expiresAt);
        this.#bytes += call.outcome?.length ?? 0;
        statements.call(this.#statements, own, call);
      }
    }
    await this.#flushIfFull();
  }

  async #database(
    own: readonly [number, string],
    version: number,
    source: AsyncIterable<Uint8Array>,
    content: Content,
  ): Promise<void> {
    let pages = 0;
    let pageSize = 0;
    // A piece is a whole number of pages: both are powers of two.
    for await (const piece of inPieces(source)) {
      if (pageSize === 0) pageSize = pageSizeOf(piece);
      const changed = [];
      for (let at = 0; at < piece.length; at += pageSize) {
        pages += 1;
        changed.push({ no: pages, bytes: piece.subarray(at, at + pageSize) });
      }
      this.#bytes += piece.length;
      const block = { pageSize, pages, hasShrunk: false, changed };
      this.#options.statements.pages(this.#statements, own, version, block);
      await this.#flushIfFull();
    }
    content.pageSize = pageSize;
    content.pages = pages;
  }

  /** Objects of an earlier attempt, from before the source changed. */
  async #removeOtherBlobs(actorId: string, hashes: ReadonlySet<string>): Promise<void> {
    const { blobs } = this.#options;
    for (const hash of await blobs.list(actorId)) if (!hashes.has(hash)) blobs.remove(actorId, hash);
  }

  async #flushIfFull(): Promise<void> {
    if (this.#statements.length >= maxStatements || this.#bytes >= maxBytes) await this.flush();
  }

  async flush(): Promise<void> {
    const statements = this.#statements;
    if (statements.length === 0) return;
    this.#statements = [];
    this.#bytes = 0;
    await this.#options.connections.read(...statements);
  }
}

/** Bytes 16 and 17 of an SQLite file. */
function pageSizeOf(start: Uint8Array): number {
  const size = Buffer.from(start.subarray(16, 18)).readUInt16BE();
  return size === 1 ? 65_536 : size;
}

function actorValues(
  own: readonly [number, string],
  { name, key, epoch, version, createdAt, destroyedAt, wakeAt }: ActorRecord,
  { snapshotVersion, callsUntil, pageSize, pages }: Content,
) {
  return [
    ...[...own, name, encodeKey(key), keyHash(name, key), epoch, version, snapshotVersion, callsUntil],
    ...[wakeAt ?? null, createdAt, destroyedAt ?? null],
    ...[pageSize, pages, pages === null ? null : version],
  ];
}

function writerSql(schema: string) {
  return {
    deleteAll: ["state", "kv", "call", "page"]
      .map((table) => `DELETE FROM ${schema}.${table} WHERE shard = $1 AND actor = $2`)
      .concat(`DELETE FROM ${schema}.actor WHERE shard = $1 AND id = $2`),
    putActor: `INSERT INTO ${schema}.actor (shard, id, name, key, key_hash, epoch, version, last_commit,
        snapshot_version, calls_until, wake_at, created_at, destroyed_at, page_size, pages, database_version)
      VALUES ($1, $2, $3, $4, $5, $6, $7, 'migrated', $8, $9, $10, $11, $12, $13, $14, $15)
      ON CONFLICT (shard, id) DO NOTHING`,
  };
}
