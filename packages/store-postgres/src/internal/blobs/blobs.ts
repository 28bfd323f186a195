/** Large objects of actors: their rows, and their bytes in the database or in a bucket. */
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { type BlobInfo, type BlobStore, blobReferencePrefix } from "@holdfast/actors";
import { HoldfastError, type Ports } from "@holdfast/core";
import { inPieces, MeasuredSource } from "@holdfast/store-kit";
import { postgresStoreLimits } from "../../limits.ts";
import type { Connections } from "../connection/connections.ts";
import type { SqlParameter, Statement } from "../connection/transaction-query.ts";
import { bytes, integer, type Row, text } from "../rows.ts";
import { shardOf } from "../shards.ts";
import type { Bucket } from "./bucket.ts";

const { maxPieceBytes, abandonedUploadMs } = postgresStoreLimits;

export interface BlobsOptions {
  readonly ports: Ports;
  readonly connections: Connections;
  readonly schema: string;
  readonly shards: number;
  /** Where the bytes of new objects go; into the database without one. */
  readonly bucket: Bucket | undefined;
}

/** Stored bytes that no object refers to yet. */
export interface Upload extends BlobInfo {
  readonly id: string;
  readonly inBucket: boolean;
}

/**
 * Large objects. An upload stores its bytes first, in pieces or in the bucket, and the object's row, which refers to the
 * upload, last. An object is therefore complete or absent.
 *
 * A row of `upload` without an object stands for bytes that have to be removed. Pieces are removed with their row; for
 * bytes in the bucket, the row of the upload stays, or is written again, until they are gone.
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
    const upload = await this.upload(actorId, source, maxBytes);
    // Where its outcome is unknown, the object may exist: if not, its bytes are removed as abandoned.
    await this.#options.connections.read(this.objectOf(actorId, upload));
    await this.settle(actorId, upload.id);
    return { hash: upload.hash, size: upload.size };
  }

  /** Stores bytes. Run `objectOf`, then `settle`, unless the outcome of the first is unknown. */
  async upload(actorId: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Upload> {
    const { bucket, ports } = this.#options;
    const id = randomUUID();
    const inBucket = bucket !== undefined;
    await this.#run(this.#sql.begin, actorId, id, ports.clock.now(), inBucket);
    const measured = new MeasuredSource(source, maxBytes);
    try {
      if (bucket === undefined) await this.#putPieces(actorId, id, measured);
      else await bucket.put(actorId, id, measured);
      return { id, inBucket, ...measured.info() };
    } catch (error) {
      await this.settle(actorId, id);
      throw error;
    }
  }

  async #putPieces(actorId: string, upload: string, source: AsyncIterable<Uint8Array>): Promise<void> {
    let count = 0;
    for await (const piece of inPieces(source)) {
      await this.#run(this.#sql.putPiece, actorId, upload, count, piece);
      count += 1;
    }
  }

  /** Makes an object of an upload, unless the actor has this content already. */
  objectOf(actorId: string, { hash, id, size, inBucket }: Upload): Statement {
    const { shards, ports } = this.#options;
    const own = [shardOf(actorId, shards), actorId];
    return { text: this.#sql.finish, values: [...own, hash, id, size, ports.clock.now(), inBucket] };
  }

  /** Ends an upload: removes its bytes if they are not those of an object. */
  async settle(actorId: string, upload: string): Promise<void> {
    try {
      const [unused] = await this.#run(this.#sql.settle, actorId, upload);
      if (unused !== undefined) await this.#removeFromBucket([unused]);
    } catch (error) {
      this.#options.ports.log.warn("bytes of an upload could not be removed yet", { actorId, error });
    }
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
    const upload = text(row, "upload");
    const source =
      row["in_bucket"] === true
        ? await this.openInBucket(actorId, upload, range.start, end)
        : this.#pieces(actorId, upload, range.start, end);
    // Reads one piece ahead only, since pieces are large.
    return Readable.toWeb(Readable.from(source, { highWaterMark: 1 })) as ReadableStream<Uint8Array>;
  }

  /** The bytes `start <= offset < end` of an upload. Throws `store.bucket_unavailable`. */
  async openInBucket(
    actorId: string,
    upload: string,
    start: number,
    end: number,
  ): Promise<AsyncIterable<Uint8Array>> {
    const { bucket } = this.#options;
    if (bucket === undefined) throw noBucket();
    return start < end ? bucket.open(actorId, upload, start, end) : Readable.from([]);
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
      .then((unused) => this.#removeFromBucket(unused))
      .catch((error: unknown) => {
        this.#options.ports.log.warn("object could not be removed", { actorId, hash, error });
      });
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
    await this.#removeFromBucket(await this.#run(this.#sql.sweep, actorId, before));
  }

  /** Removes what a destroyed actor had in the bucket: its rows are gone already. */
  async destroyed(actorId: string): Promise<void> {
    if (this.#options.bucket === undefined) return;
    await this.#removeFromBucket(await this.#run(this.#sql.unusedOf, actorId));
  }

  /** Removes the bytes of uploads that a crash interrupted long ago, or that could not be removed before. */
  async removeAbandoned(): Promise<void> {
    const { bucket, connections, ports } = this.#options;
    const values = [ports.clock.now() - abandonedUploadMs];
    await connections.read({ text: this.#sql.abandoned, values });
    if (bucket === undefined) return;
    const statement = { text: this.#sql.abandonedInBucket, values, returns: true } as const;
    for (;;) {
      const rows = await connections.read(statement);
      await this.#removeFromBucket(rows);
      if (rows.length === 0) return;
    }
  }

  /** Rows have the columns `shard`, `actor` and `id` of an upload. Without a bucket, a node that has one removes them. */
  async #removeFromBucket(rows: readonly Row[]): Promise<void> {
    const { bucket, connections } = this.#options;
    if (bucket === undefined) return;
    for (const row of rows) {
      const [shard, actorId, id] = [integer(row, "shard"), text(row, "actor"), text(row, "id")];
      await bucket.remove(actorId, id);
      await connections.read({ text: this.#sql.forget, values: [shard, actorId, id] });
    }
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

const hashBytes = 32;
const referencePrefix = Buffer.from(blobReferencePrefix("0".repeat(2 * hashBytes)))
  .subarray(0, -hashBytes)
  .toString("hex");

function blobSql(schema: string) {
  const own = "shard = $1 AND actor = $2";
  /** Removes objects with their pieces; returns the uploads whose bytes are in the bucket. */
  const remove = (condition: string) => `WITH removed AS (
      DELETE FROM ${schema}.blob WHERE ${own} AND ${condition} RETURNING upload, in_bucket
    ), pieces AS (
      DELETE FROM ${schema}.blob_piece WHERE ${own}
        AND upload IN (SELECT upload FROM removed WHERE NOT in_bucket)
    ) INSERT INTO ${schema}.upload (shard, actor, id, started_at, in_bucket)
      SELECT $1, $2, upload, 0, true FROM removed WHERE in_bucket
      ON CONFLICT (shard, actor, id) DO UPDATE SET started_at = 0 RETURNING shard, actor, id`;
  const isUsed = `EXISTS (SELECT 1 FROM ${schema}.blob WHERE blob.shard = upload.shard
    AND blob.actor = upload.actor AND blob.upload = upload.id)`;
  return {
    begin: `INSERT INTO ${schema}.upload (shard, actor, id, started_at, in_bucket) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT DO NOTHING`,
    putPiece: `INSERT INTO ${schema}.blob_piece (shard, actor, upload, piece, bytes)
      VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
    finish: `INSERT INTO ${schema}.blob (shard, actor, hash, upload, size, created_at, in_bucket)
      VALUES ($1, $2, $3, $4, $5, $6, $7)
      ON CONFLICT (shard, actor, hash) DO UPDATE SET created_at = excluded.created_at`,
    settle: `WITH pieces AS (
        DELETE FROM ${schema}.blob_piece WHERE ${own} AND upload = $3 AND NOT EXISTS
          (SELECT 1 FROM ${schema}.blob WHERE ${own} AND blob.upload = $3)
      ), done AS (
        DELETE FROM ${schema}.upload WHERE ${own} AND id = $3 AND (NOT in_bucket OR ${isUsed})
      ) SELECT shard, actor, id FROM ${schema}.upload WHERE ${own} AND id = $3 AND in_bucket AND NOT ${isUsed}`,
    find: `SELECT upload, size, in_bucket FROM ${schema}.blob WHERE ${own} AND hash = $3`,
    getPiece: `SELECT bytes FROM ${schema}.blob_piece WHERE ${own} AND upload = $3 AND piece = $4`,
    remove: remove("hash = $3"),
    list: `SELECT hash FROM ${schema}.blob WHERE ${own} ORDER BY hash`,
    /** Keys of records that refer to an object start with a prefix and the hash. */
    sweep: remove(`created_at < $3 AND NOT EXISTS (
        SELECT 1 FROM ${schema}.kv WHERE kv.shard = $1 AND kv.actor = $2
          AND kv.key >= '\\x${referencePrefix}'::bytea || decode(blob.hash, 'hex')
          AND kv.key < '\\x${referencePrefix}'::bytea || decode(blob.hash, 'hex') || '\\xff'::bytea
      )`),
    unusedOf: `SELECT shard, actor, id FROM ${schema}.upload WHERE ${own} AND in_bucket AND started_at = 0`,
    forget: `DELETE FROM ${schema}.upload WHERE ${own} AND id = $3`,
    abandoned: `WITH abandoned AS (
        DELETE FROM ${schema}.upload WHERE started_at < $1 AND (NOT in_bucket OR ${isUsed})
          RETURNING shard, actor, id
      ) DELETE FROM ${schema}.blob_piece USING abandoned
        WHERE blob_piece.shard = abandoned.shard AND blob_piece.actor = abandoned.actor
          AND blob_piece.upload = abandoned.id AND NOT EXISTS (SELECT 1 FROM ${schema}.blob
            WHERE blob.shard = abandoned.shard AND blob.actor = abandoned.actor
              AND blob.upload = abandoned.id)`,
    abandonedInBucket: `SELECT shard, actor, id FROM ${schema}.upload
      WHERE started_at < $1 AND in_bucket AND NOT ${isUsed} LIMIT 100`,
  };
}

function noBucket(): HoldfastError {
  const message =
    'An object lies in a bucket, and this server is configured without one. Set HOLDFAST_BLOBS or the option "blobs"';
  return new HoldfastError("store", "bucket_unavailable", message, { statusCode: 503 });
}
