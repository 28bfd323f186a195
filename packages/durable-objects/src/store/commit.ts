/** Applies one commit to the tables of an object, in the open transaction. */
import type { CallRecord, CommitBatch, KvOperation } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";
import { duplicateKey, fenced, invalidCommit } from "../errors.ts";
import type { SqlStorage } from "../platform.ts";
import type { ObjectBlobs } from "./blobs.ts";
import type { Pieces } from "./pieces.ts";
import type { StateLogs } from "./state-log.ts";

export interface Tables {
  readonly sql: SqlStorage;
  readonly pieces: Pieces;
  readonly states: StateLogs;
  readonly blobs: ObjectBlobs;
}

/** Refuses malformed batches. */
export function checkCommit(batch: CommitBatch): void {
  const created = batch.create !== undefined;
  if (created !== (batch.version === 1) || (created && batch.epoch !== 1)) {
    throw invalidCommit("Only the first commit of an actor creates it, with version 1 and epoch 1");
  }
  if (typeof batch.wakeAt === "number" && !Number.isSafeInteger(batch.wakeAt)) {
    throw invalidCommit("A time must be a whole number of milliseconds");
  }
  for (const call of batch.calls ?? []) {
    if (call.status === "started" && call.outcome !== undefined) {
      throw invalidCommit("A call that has only started cannot have an outcome");
    }
  }
}

export function applyCommit(tables: Tables, batch: CommitBatch, now: number): void {
  const { sql, states } = tables;
  const { actorId } = batch;
  if (batch.create === undefined) fence(sql, batch);
  else create(sql, batch, batch.create);
  if (batch.destroyedAt !== undefined) return destroy(tables, actorId, batch.destroyedAt);
  if (batch.state !== undefined) states.write(actorId, batch.state.type, batch.state.bytes, now);
  for (const operation of batch.kv ?? []) writeKv(tables, actorId, operation);
  for (const call of batch.calls ?? []) writeCall(tables, actorId, call);
  if (batch.calls !== undefined) pruneCalls(tables, now);
  if (batch.wakeAt !== undefined) {
    sql.exec("UPDATE _holdfast_actor SET wake_at = ? WHERE id = ?", batch.wakeAt, actorId);
  }
}

function create(sql: SqlStorage, batch: CommitBatch, row: NonNullable<CommitBatch["create"]>): void {
  const known = sql.exec("SELECT 1 FROM _holdfast_actor WHERE id = ?", batch.actorId).toArray();
  if (known.length > 0) throw fenced(batch.actorId);
  const key = encodeKey(row.key);
  const living = sql
    .exec("SELECT 1 FROM _holdfast_actor WHERE name = ? AND key = ? AND destroyed_at IS NULL", row.name, key)
    .toArray();
  if (living.length > 0) throw duplicateKey();
  sql.exec(
    "INSERT INTO _holdfast_actor (id, name, key, epoch, version, created_at) VALUES (?, ?, ?, 1, 1, ?)",
    ...[batch.actorId, row.name, key, row.createdAt],
  );
}

function fence(sql: SqlStorage, batch: CommitBatch): void {
  const fencedRow = sql
    .exec(
      "UPDATE _holdfast_actor SET version = version + 1 WHERE id = ? AND epoch = ? AND version = ? AND destroyed_at IS NULL RETURNING 1",
      ...[batch.actorId, batch.epoch, batch.version - 1],
    )
    .toArray();
  if (fencedRow.length === 0) throw fenced(batch.actorId);
}

function writeKv({ sql, pieces }: Tables, actor: string, operation: KvOperation): void {
  switch (operation.type) {
    case "put": {
      const inline = pieces.put("kv", actor, operation.key, operation.value);
      sql.exec(
        "INSERT OR REPLACE INTO _holdfast_kv (actor, key, value) VALUES (?, ?, ?)",
        ...[actor, operation.key, inline],
      );
      return;
    }
    case "delete":
      pieces.delete("kv", actor, operation.key);
      sql.exec("DELETE FROM _holdfast_kv WHERE actor = ? AND key = ?", actor, operation.key);
      return;
    case "delete-range":
      pieces.deleteRange("kv", actor, operation.start, operation.end);
      sql.exec(
        "DELETE FROM _holdfast_kv WHERE actor = ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3)",
        ...[actor, operation.start, operation.end ?? null],
      );
  }
}

function writeCall({ sql, pieces }: Tables, actor: string, call: CallRecord): void {
  const { key, status, outcome, expiresAt } = call;
  const inline = outcome === undefined ? null : pieces.put("call", actor, key, outcome);
  sql.exec(
    "INSERT OR REPLACE INTO _holdfast_call (actor, key, status, has_outcome, outcome, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
    ...[actor, key, status, outcome === undefined ? 0 : 1, inline, expiresAt],
  );
}

/** A few at a time, so that no commit pays for many. */
function pruneCalls({ sql, pieces }: Tables, now: number): void {
  const expired = sql
    .exec("SELECT actor, key FROM _holdfast_call WHERE expires_at <= ? ORDER BY expires_at LIMIT 16", now)
    .toArray();
  for (const { actor, key } of expired) {
    pieces.delete("call", String(actor), String(key));
    sql.exec("DELETE FROM _holdfast_call WHERE actor = ? AND key = ?", String(actor), String(key));
  }
}

function destroy({ sql, pieces, states, blobs }: Tables, actor: string, destroyedAt: number): void {
  states.deleteAll(actor);
  blobs.deleteAll(actor);
  pieces.deleteAll(actor);
  sql.exec("DELETE FROM _holdfast_kv WHERE actor = ?", actor);
  sql.exec("DELETE FROM _holdfast_call WHERE actor = ?", actor);
  sql.exec(
    "UPDATE _holdfast_actor SET destroyed_at = ?, wake_at = NULL, has_database = 0 WHERE id = ?",
    ...[destroyedAt, actor],
  );
}
