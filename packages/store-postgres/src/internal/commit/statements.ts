/** Commits: SQL statements of a batch, and their way to the server. */
import type { CallRecord, CommitBatch, KvOperation } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";
import { type ChangedPages, type HistoryLimits, latestExpiry } from "@holdfast/store-kit";
import { postgresStoreLimits } from "../../limits.ts";
import type { Statement } from "../connection/transaction-query.ts";
import { keyHash } from "../shards.ts";

const { maxPieceBytes } = postgresStoreLimits;

/**
 * Builds the statements of turns. The fence divides by the number of rows that it changed: when another owner has
 * taken over, the first statement fails with a division by zero and the server skips the rest.
 */
export class TurnStatements {
  readonly #sql: ReturnType<typeof turnSql>;
  readonly #history: HistoryLimits;

  constructor(schema: string, history: HistoryLimits) {
    this.#sql = turnSql(schema);
    this.#history = history;
  }

  /** All statements of a turn. The first one is the fence, or creates the row. */
  turn(shard: number, batch: CommitBatch, now: number, pages?: ChangedPages): Statement[] {
    const statements: Statement[] = [];
    if (batch.create === undefined) statements.push(this.#fence(shard, batch, pages));
    else statements.push(this.#create(shard, batch, batch.create, pages));
    const own = [shard, batch.actorId] as const;
    if (batch.destroyedAt !== undefined) {
      statements.push({ text: this.#sql.destroy, values: [...own, batch.destroyedAt] });
      for (const text of this.#sql.deleteAll) statements.push({ text, values: own });
      return statements;
    }
    if (batch.state !== undefined) this.#state(statements, own, batch.version, batch.state, now);
    for (const operation of batch.kv ?? []) this.kv(statements, own, operation);
    for (const call of batch.calls ?? []) this.call(statements, own, call);
    if (pages !== undefined) this.pages(statements, own, batch.version, pages);
    return statements;
  }

  #fence(shard: number, batch: CommitBatch, pages: ChangedPages | undefined): Statement {
    const { state, wakeAt } = batch;
    const values = [
      ...[shard, batch.actorId, batch.epoch, batch.version - 1, batch.commitId, latestExpiry(batch.calls)],
      state?.type === "snapshot" ? batch.version : null,
      ...[wakeAt !== undefined, wakeAt ?? null, state?.type === "patch"],
    ];
    if (pages === undefined) return { text: this.#sql.fence, values };
    return { text: this.#sql.fenceWithPages, values: [...values, pages.pageSize, pages.pages] };
  }

  #create(
    shard: number,
    batch: CommitBatch,
    { name, key, createdAt, place }: NonNullable<CommitBatch["create"]>,
    pages: ChangedPages | undefined,
  ): Statement {
    const values = [
      ...[shard, batch.actorId, name, encodeKey(key), keyHash(name, key), batch.commitId],
      ...[batch.state === undefined ? null : 1, latestExpiry(batch.calls), batch.wakeAt ?? null, createdAt],
      ...(pages === undefined ? [null, null, null] : [pages.pageSize, pages.pages, 1]),
      place ?? null,
    ];
    return { text: this.#sql.create, values };
  }

  #state(
    statements: Statement[],
    own: readonly [number, string],
    version: number,
    state: NonNullable<CommitBatch["state"]>,
    now: number,
  ): void {
    const isSnapshot = state.type === "snapshot";
    for (const [at, piece] of piecesOf(state.bytes).entries()) {
      statements.push({ text: this.#sql.putState, values: [...own, version, at, isSnapshot, now, piece] });
    }
    if (!isSnapshot || version === 1) return;
    const { maxAgeMs, maxBytes } = this.#history;
    statements.push({ text: this.#sql.pruneState, values: [...own, version, now - maxAgeMs, maxBytes] });
  }

  /** An entry of a log that is copied with its history. Can be repeated. */
  logEntry(
    statements: Statement[],
    own: readonly [number, string],
    entry: { readonly version: number; readonly isSnapshot: boolean; readonly createdAt: number },
    bytes: Uint8Array,
  ): void {
    const { version, isSnapshot, createdAt } = entry;
    for (const [at, piece] of piecesOf(bytes).entries()) {
      const values = [...own, version, at, isSnapshot, createdAt, piece];
      statements.push({ text: this.#sql.copyState, values });
    }
  }

  kv(statements: Statement[], own: readonly [number, string], operation: KvOperation): void {
    switch (operation.type) {
      case "put": {
        const pieces = piecesOf(operation.value);
        for (const [at, piece] of pieces.entries()) {
          statements.push({
            text: this.#sql.putKv,
            values: [...own, operation.key, at, pieces.length, piece],
          });
        }
        return;
      }
      case "delete":
        statements.push({ text: this.#sql.deleteKv, values: [...own, operation.key] });
        return;
      case "delete-range": {
        const { start, end } = operation;
        if (end === undefined) statements.push({ text: this.#sql.deleteKvFrom, values: [...own, start] });
        else statements.push({ text: this.#sql.deleteKvRange, values: [...own, start, end] });
      }
    }
  }

  call(statements: Statement[], own: readonly [number, string], call: CallRecord): void {
    const pieces = call.outcome === undefined ? [null] : piecesOf(call.outcome);
    const key = Buffer.from(call.key);
    for (const [at, piece] of pieces.entries()) {
      const values = [...own, key, at, pieces.length, call.status, piece, call.expiresAt];
      statements.push({ text: this.#sql.putCall, values });
    }
  }

  /** Sends pages in chunks of bounded size, which the server splits: far fewer statements than pages. */
  pages(
    statements: Statement[],
    own: readonly [number, string],
    version: number,
    { pageSize, pages, hasShrunk, changed }: ChangedPages,
  ): void {
    const perChunk = Math.max(1, Math.floor(maxPieceBytes / pageSize));
    for (let at = 0; at < changed.length; at += perChunk) {
      const chunk = changed.slice(at, at + perChunk);
      const numbers = chunk.map(({ no }) => no);
      const bytes = Buffer.concat(chunk.map((page) => page.bytes));
      statements.push({ text: this.#sql.putPages, values: [...own, version, numbers, pageSize, bytes] });
    }
    if (hasShrunk) statements.push({ text: this.#sql.deletePagesAfter, values: [...own, pages] });
  }
}

function piecesOf(value: Uint8Array): readonly Uint8Array[] {
  if (value.length <= maxPieceBytes) return [value];
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < value.length; at += maxPieceBytes) {
    pieces.push(value.subarray(at, at + maxPieceBytes));
  }
  return pieces;
}

function turnSql(schema: string) {
  const own = "shard = $1 AND actor = $2";
  const putState = `INSERT INTO ${schema}.state (shard, actor, version, piece, is_snapshot, created_at, bytes)
      VALUES ($1, $2, $3, $4, $5, $6, $7)`;
  const fence = (more: string) => `WITH fenced AS (
      UPDATE ${schema}.actor SET version = version + 1, last_commit = $5,
        calls_until = greatest(calls_until, $6::bigint),
        snapshot_version = coalesce($7::bigint, snapshot_version),
        wake_at = CASE WHEN $8::boolean THEN $9::bigint ELSE wake_at END${more}
      WHERE shard = $1 AND id = $2 AND epoch = $3 AND version = $4 AND destroyed_at IS NULL
        AND (NOT $10::boolean OR snapshot_version IS NOT NULL)
      RETURNING 1
    ) SELECT 1 / count(*) FROM fenced`;
  return {
    fence: fence(""),
    fenceWithPages: fence(", page_size = $11::integer, pages = $12::bigint, database_version = version + 1"),
    create: `WITH created AS (
        INSERT INTO ${schema}.actor (shard, id, name, key, key_hash, epoch, version, last_commit,
          snapshot_version, calls_until, wake_at, created_at, page_size, pages, database_version, place)
        VALUES ($1, $2, $3, $4, $5, 1, 1, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        ON CONFLICT DO NOTHING RETURNING 1
      ) SELECT 1 / count(*) FROM created`,
    destroy: `UPDATE ${schema}.actor SET destroyed_at = $3, wake_at = NULL, snapshot_version = NULL,
        calls_until = 0, page_size = NULL, pages = NULL, database_version = NULL
      WHERE shard = $1 AND id = $2`,
    deleteAll: [
      ...["state", "kv", "call", "page", "blob_piece"].map(
        (table) => `DELETE FROM ${schema}.${table} WHERE ${own}`,
      ),
      `DELETE FROM ${schema}.upload WHERE ${own} AND NOT in_bucket`,
      // What is in a bucket remains known until it is removed; see \`Blobs\`.
      `WITH removed AS (DELETE FROM ${schema}.blob WHERE ${own} RETURNING upload, in_bucket)
        INSERT INTO ${schema}.upload (shard, actor, id, started_at, in_bucket)
        SELECT $1, $2, upload, 0, true FROM removed WHERE in_bucket
        ON CONFLICT (shard, actor, id) DO UPDATE SET started_at = 0`,
    ],
    putState,
    copyState: `${putState} ON CONFLICT DO NOTHING`,
    /**
     * Deletes history beyond the limits, always from one snapshot up to the next, since patches need the snapshot
     * before them.
     */
    pruneState: `DELETE FROM ${schema}.state WHERE ${own} AND version < (
        SELECT coalesce(min(version), $3::bigint) FROM (
          SELECT version, piece, is_snapshot,
            sum(CASE WHEN version < $3::bigint THEN length(bytes) ELSE 0 END)
              OVER (ORDER BY version DESC, piece DESC) AS size,
            min(created_at) FILTER (WHERE is_snapshot) OVER (ORDER BY version DESC
              RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW EXCLUDE GROUP) AS until_at
          FROM ${schema}.state WHERE ${own} AND version <= $3::bigint
        ) AS log
        WHERE is_snapshot AND piece = 0 AND version < $3::bigint AND size <= $5::bigint
          AND until_at > $4::bigint
      )`,
    putKv: `INSERT INTO ${schema}.kv (shard, actor, key, piece, pieces, value)
      VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (shard, actor, key, piece)
      DO UPDATE SET pieces = excluded.pieces, value = excluded.value`,
    deleteKv: `DELETE FROM ${schema}.kv WHERE ${own} AND key = $3`,
    deleteKvFrom: `DELETE FROM ${schema}.kv WHERE ${own} AND key >= $3`,
    deleteKvRange: `DELETE FROM ${schema}.kv WHERE ${own} AND key >= $3 AND key < $4`,
    putCall: `INSERT INTO ${schema}.call (shard, actor, key, piece, pieces, status, outcome, expires_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (shard, actor, key, piece)
      DO UPDATE SET pieces = excluded.pieces, status = excluded.status, outcome = excluded.outcome,
        expires_at = excluded.expires_at`,
    putPages: `INSERT INTO ${schema}.page (shard, actor, page, version, bytes)
      SELECT $1::integer, $2::text, part.no, $3::bigint,
        substring($6::bytea FROM ((part.place - 1) * $5::integer + 1)::integer FOR $5::integer)
      FROM unnest($4::bigint[]) WITH ORDINALITY AS part (no, place)
      ON CONFLICT (shard, actor, page) DO UPDATE SET version = excluded.version, bytes = excluded.bytes`,
    deletePagesAfter: `DELETE FROM ${schema}.page WHERE ${own} AND page > $3`,
  };
}
