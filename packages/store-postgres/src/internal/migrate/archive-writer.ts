import type { ActorArchive, ActorRecord } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";
import { type ArchiveContent, type ArchiveSink, readArchive } from "@holdfast/store-kit";
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

  async write(archive: ActorArchive): Promise<void> {
    const { record } = archive;
    const own = [shardOf(record.id, this.#options.shards), record.id] as const;
    for (const text of this.#sql.deleteAll) this.#statements.push({ text, values: own });
    const content = await readArchive(archive, this.#sink(own, record));
    await this.#removeOtherBlobs(record.id, content.hashes);
    this.#statements.push({ text: this.#sql.putActor, values: actorValues(own, record, content) });
    await this.#flushIfFull();
  }

  #sink(own: readonly [number, string], { id, version }: ActorRecord): ArchiveSink {
    const { statements, blobs } = this.#options;
    const add = (bytes: number) => {
      this.#bytes += bytes;
    };
    return {
      state: async (at, { isSnapshot, createdAt, bytes }) => {
        add(bytes.length);
        statements.logEntry(this.#statements, own, { version: at, isSnapshot, createdAt }, bytes);
        await this.#flushIfFull();
      },
      entries: async (entries) => {
        for (const entry of entries) {
          add(entry.key.length + entry.value.length);
          statements.kv(this.#statements, own, { type: "put", ...entry });
        }
        await this.#flushIfFull();
      },
      calls: async (calls) => {
        for (const call of calls) {
          add(call.outcome?.length ?? 0);
          statements.call(this.#statements, own, call);
        }
        await this.#flushIfFull();
      },
      pages: async (block) => {
        add(block.changed.length * block.pageSize);
        statements.pages(this.#statements, own, version, block);
        await this.#flushIfFull();
      },
      blob: async (source) => (await blobs.put(id, source, postgresStoreLimits.maxBlobBytes)).hash,
    };
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

function actorValues(
  own: readonly [number, string],
  { name, key, epoch, version, createdAt, destroyedAt, wakeAt }: ActorRecord,
  { snapshotVersion, callsUntil, database }: ArchiveContent,
) {
  return [
    ...[
      ...own,
      name,
      encodeKey(key),
      keyHash(name, key),
      epoch,
      version,
      snapshotVersion ?? null,
      callsUntil,
    ],
    ...[wakeAt ?? null, createdAt, destroyedAt ?? null],
    ...[database?.pageSize ?? null, database?.pages ?? null, database === undefined ? null : version],
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
