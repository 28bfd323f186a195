import { createHash, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { type BlobInfo, type BlobStore, blobReferencePrefix } from "@holdfast/actors";
import { HoldfastError, type Ports } from "@holdfast/core";
import { postgresStoreLimits } from "../limits.ts";
import type { Connections } from "./connection/connections.ts";
import type { SqlParameter } from "./connection/transaction-query.ts";
import { bytes, integer, type Row, text } from "./rows.ts";
import { shardOf } from "./shards.ts";

const { maxPieceBytes, abandonedUploadMs } = postgresStoreLimits;

export interface BlobsOptions {
  readonly ports: Ports;
  readonly connections: Connections;
  readonly schema: string;
  readonly shards: number;
}

/**
 * Large objects in pieces. An upload writes its pieces first and the object's row, which refers to the upload, last.
 * An object is therefore complete or absent.
 */
export class Blobs implements BlobStore {
  readonly #options: BlobsOptions;
  readonly #sql;
  /** Running removals. Reads of the actor's objects wait for them. */
  readonly #removals = new Map<string, Promise<void>>();

  constructor(options: BlobsOptions) {
    this.#options = options;
    this.#sql = blobSql(options.schema);
  }

  async put(actorId: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<BlobInfo> {
    await this.#removals.get(actorId);
    const upload = randomUUID();
    const now = this.#options.ports.clock.now();
    await this.#run(this.#sql.begin, actorId, upload, now);
    try {
      const info = await this.#write(actorId, upload, source, maxBytes);
      // A single statement, so that the object appears and the upload ends atomically.
      await this.#run(this.#sql.finish, actorId, info.hash, upload, info.size, now);
      return info;
    } finally {
      // The upload failed, or the same content is stored already.
      await this.#run(this.#sql.cleanUp, actorId, upload).catch((error: unknown) => {
        this.#options.ports.log.warn("pieces of an upload could not be removed yet", { actorId, error });
      });
    }
  }

  async #write(
    actorId: string,
    upload: string,
    source: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<BlobInfo> {
    const hash = createHash("sha256");
    let size = 0;
    let count = 0;
    for await (const piece of inPieces(source)) {
      size += piece.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      hash.update(piece);
      await this.#run(this.#sql.putPiece, actorId, upload, count, piece);
      count += 1;
    }
    return { hash: hash.digest("hex"), size };
  }

  async read(
    actorId: string,
    hash: string,
    range: { readonly start: number; readonly end: number },
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    await this.#removals.get(actorId);
    const [row] = await this.#run(this.#sql.find, actorId, hash);
    if (row === undefined) return undefined;
    const end = Math.min(range.end, integer(row, "size"));
    const pieces = this.#pieces(actorId, text(row, "upload"), range.start, end);
    // Reads one piece ahead only, since pieces are large.
    return Readable.toWeb(Readable.from(pieces, { highWaterMark: 1 })) as ReadableStream<Uint8Array>;
  }

  async *#pieces(actorId: string, upload: string, start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end; ) {
      const no = Math.floor(at / maxPieceBytes);
      const [row] = await this.#run(this.#sql.getPiece, actorId, upload, no);
      if (row === undefined) throw new HoldfastError("store", "unavailable", "The object was removed");
      const offset = no * maxPieceBytes;
      const piece = bytes(row, "bytes").subarray(at - offset, end - offset);
      at += piece.length;
      yield piece;
    }
  }

  remove(actorId: string, hash: string): void {
    const before = this.#removals.get(actorId) ?? Promise.resolve();
    const removal = before
      .then(() => this.#run(this.#sql.remove, actorId, hash))
      .then(
        () => {},
        (error: unknown) => {
          this.#options.ports.log.warn("object could not be removed", { actorId, hash, error });
        },
      );
    this.#removals.set(actorId, removal);
    void removal.then(() => {
      if (this.#removals.get(actorId) === removal) this.#removals.delete(actorId);
    });
  }

  async list(actorId: string): Promise<readonly string[]> {
    await this.#removals.get(actorId);
    const rows = await this.#run(this.#sql.list, actorId);
    return rows.map((row) => text(row, "hash"));
  }

  /**
   * Removes objects that the previous owner stored but no commit refers to. A put by the new owner makes them newer
   * than `before`.
   */
  async sweep(actorId: string, before: number): Promise<void> {
    await this.#run(this.#sql.sweep, actorId, before);
  }

  /** Removes uploads that a crash interrupted long ago. */
  async removeAbandoned(): Promise<void> {
    const values = [this.#options.ports.clock.now() - abandonedUploadMs];
    await this.#options.connections.read({ text: this.#sql.abandoned, values });
  }

  /** Every statement here is safe to repeat after a lost connection. */
  #run(text: string, actorId: string, ...values: readonly SqlParameter[]): Promise<readonly Row[]> {
    const { connections, shards } = this.#options;
    const own = [shardOf(actorId, shards), actorId];
    return connections.read({ text, values: [...own, ...values], returns: true });
  }

  async close(): Promise<void> {
    await Promise.all(this.#removals.values());
  }
}

/** Splits a stream into pieces of full size; the last may be smaller. */
export async function* inPieces(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of source) {
    for (let at = 0; at < part.length; ) {
      const taken = part.subarray(at, at + maxPieceBytes - size);
      parts.push(taken);
      at += taken.length;
      size += taken.length;
      if (size < maxPieceBytes) continue;
      yield Buffer.concat(parts);
      parts = [];
      size = 0;
    }
  }
  if (size > 0) yield Buffer.concat(parts);
}

const hashBytes = 32;
const referencePrefix = Buffer.from(blobReferencePrefix("0".repeat(2 * hashBytes)))
  .subarray(0, -hashBytes)
  .toString("hex");

function blobSql(schema: string) {
  const own = "shard = $1 AND actor = $2";
  return {
    begin: `INSERT INTO ${schema}.upload (shard, actor, id, started_at) VALUES ($1, $2, $3, $4)
      ON CONFLICT DO NOTHING`,
    putPiece: `INSERT INTO ${schema}.blob_piece (shard, actor, upload, piece, bytes)
      VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
    finish: `INSERT INTO ${schema}.blob (shard, actor, hash, upload, size, created_at)
      VALUES ($1, $2, $3, $4, $5, $6)
      ON CONFLICT (shard, actor, hash) DO UPDATE SET created_at = excluded.created_at`,
    cleanUp: `WITH unused AS (
        DELETE FROM ${schema}.blob_piece WHERE ${own} AND upload = $3 AND NOT EXISTS
          (SELECT 1 FROM ${schema}.blob WHERE ${own} AND blob.upload = $3)
      ) DELETE FROM ${schema}.upload WHERE ${own} AND id = $3`,
    find: `SELECT upload, size FROM ${schema}.blob WHERE ${own} AND hash = $3`,
    getPiece: `SELECT bytes FROM ${schema}.blob_piece WHERE ${own} AND upload = $3 AND piece = $4`,
    remove: `WITH removed AS (DELETE FROM ${schema}.blob WHERE ${own} AND hash = $3 RETURNING upload)
      DELETE FROM ${schema}.blob_piece WHERE ${own} AND upload IN (SELECT upload FROM removed)`,
    list: `SELECT hash FROM ${schema}.blob WHERE ${own} ORDER BY hash`,
    /** Keys of records that refer to an object start with a prefix and the hash. */
    sweep: `WITH removed AS (
        DELETE FROM ${schema}.blob WHERE ${own} AND created_at < $3 AND NOT EXISTS (
          SELECT 1 FROM ${schema}.kv WHERE kv.shard = $1 AND kv.actor = $2
            AND kv.key >= '\\x${referencePrefix}'::bytea || decode(blob.hash, 'hex')
            AND kv.key < '\\x${referencePrefix}'::bytea || decode(blob.hash, 'hex') || '\\xff'::bytea
        ) RETURNING upload
      ) DELETE FROM ${schema}.blob_piece WHERE ${own} AND upload IN (SELECT upload FROM removed)`,
    abandoned: `WITH abandoned AS (
        DELETE FROM ${schema}.upload WHERE started_at < $1 RETURNING shard, actor, id
      ) DELETE FROM ${schema}.blob_piece USING abandoned
        WHERE blob_piece.shard = abandoned.shard AND blob_piece.actor = abandoned.actor
          AND blob_piece.upload = abandoned.id AND NOT EXISTS (SELECT 1 FROM ${schema}.blob
            WHERE blob.shard = abandoned.shard AND blob.actor = abandoned.actor
              AND blob.upload = abandoned.id)`,
  };
}

function tooLarge(maxBytes: number): HoldfastError {
  return new HoldfastError("store", "blob_too_large", `The object is larger than ${maxBytes} bytes`, {
    metadata: { maxBytes },
    statusCode: 413,
  });
}
