import type { CallRecord, CommitBatch, KvOperation, LoadedActor, StoredState } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";
import { duplicateKey, fenced, invalidCommit, notFound } from "./errors.ts";
import { forgetPast, type History, keepPast } from "./past.ts";
import { actorRecord, bytes, integer, optionalInteger, type Row } from "./rows.ts";
import type { Statements } from "./statements.ts";

interface FencedActor {
  readonly no: number;
  readonly patchHead: number | undefined;
}

/** Refuses what no caller may send; a batch that passes can only fail for the reasons of the port. */
export function checkCommit(batch: CommitBatch): void {
  const created = batch.create !== undefined;
  if (created !== (batch.version === 1) || (created && batch.epoch !== 1)) {
    throw invalidCommit("An actor's first commit, and no other, creates it: version 1, epoch 1");
  }
  for (const call of batch.calls ?? []) {
    if (call.status === "started" && call.outcome !== undefined) {
      throw invalidCommit("A call that has only started has no outcome");
    }
  }
}

/** Writes one batch into the open transaction. The first statement is the fence, or makes the row. */
export function applyCommit(sql: Statements, batch: CommitBatch, history: History): void {
  const actor = batch.create === undefined ? fence(sql, batch) : create(sql, batch, batch.create);
  if (batch.destroyedAt !== undefined) return destroy(sql, actor, batch.destroyedAt);
  if (batch.state !== undefined) writeState(sql, actor, batch.state, history);
  for (const operation of batch.kv ?? []) writeKv(sql, actor.no, operation);
  for (const call of batch.calls ?? []) writeCall(sql, actor.no, call);
  if (batch.wakeAt !== undefined) sql.setWake.run(batch.wakeAt, actor.no);
}

function create(sql: Statements, batch: CommitBatch, row: NonNullable<CommitBatch["create"]>): FencedActor {
  const { changes, lastInsertRowid } = sql.create.run(
    batch.actorId,
    row.name,
    encodeKey(row.key),
    batch.commitId,
    row.createdAt,
  );
  if (changes !== 0) return { no: Number(lastInsertRowid), patchHead: undefined };
  throw sql.get.get(batch.actorId) === undefined ? duplicateKey() : fenced(batch.actorId);
}

function fence(sql: Statements, batch: CommitBatch): FencedActor {
  const row = sql.fence.get(batch.commitId, batch.actorId, batch.epoch, batch.version - 1);
  if (row === undefined) throw fenced(batch.actorId);
  return fencedActor(row);
}

function fencedActor(row: Row): FencedActor {
  return { no: integer(row, "no"), patchHead: optionalInteger(row, "patch_head") };
}

function writeState(
  sql: Statements,
  actor: FencedActor,
  state: NonNullable<CommitBatch["state"]>,
  history: History,
): void {
  const head = actor.patchHead ?? null;
  if (state.type === "snapshot") {
    keepPast(sql, actor.no, head, history);
    if (head !== null) sql.setPatchHead.run(null, actor.no);
    sql.putSnapshot.run(actor.no, state.bytes, history.now);
    return;
  }
  if (head === null && sql.hasSnapshot.get(actor.no) === undefined) {
    throw invalidCommit("A patch needs a snapshot before it");
  }
  const { lastInsertRowid } = sql.putPatch.run(head, state.bytes, history.now);
  sql.setPatchHead.run(lastInsertRowid, actor.no);
}

function writeKv(sql: Statements, actorNo: number, operation: KvOperation): void {
  switch (operation.type) {
    case "put":
      sql.kvPut.run(actorNo, operation.key, operation.value);
      return;
    case "delete":
      sql.kvDelete.run(actorNo, operation.key);
      return;
    case "delete-range":
      if (operation.end === undefined) sql.kvDeleteFrom.run(actorNo, operation.start);
      else sql.kvDeleteRange.run(actorNo, operation.start, operation.end);
  }
}

/** A record that has expired and is still there is written over like any other. */
function writeCall(sql: Statements, actorNo: number, call: CallRecord): void {
  sql.putCall.run(actorNo, call.key, call.status, call.outcome ?? null, call.expiresAt);
}

function destroy(sql: Statements, actor: FencedActor, destroyedAt: number): void {
  if (actor.patchHead !== undefined) sql.deletePatches.run(actor.patchHead);
  forgetPast(sql, actor.no);
  sql.deleteSnapshot.run(actor.no);
  sql.deleteKv.run(actor.no);
  sql.deleteCalls.run(actor.no);
  sql.destroy.run(destroyedAt, actor.no);
}

/** Raises the epoch in the open transaction and loads what the new owner needs. */
export function applyAcquire(sql: Statements, id: string): LoadedActor {
  const row = sql.acquire.get(id);
  if (row === undefined) throw notFound(id);
  const state = loadState(sql, fencedActor(row));
  return { record: actorRecord(row), ...(state === undefined ? {} : { state }) };
}

function loadState(sql: Statements, actor: FencedActor): StoredState | undefined {
  const row = sql.getSnapshot.get(actor.no);
  if (row === undefined) return undefined;
  if (actor.patchHead === undefined) return { snapshot: bytes(row, "bytes"), patches: [] };
  const patches = sql.getPatches.all(actor.patchHead).map((patch) => bytes(patch, "bytes"));
  return { snapshot: bytes(row, "bytes"), patches: patches.reverse() };
}

/** The state of an actor that moves to a file of its own; `row` has its `no` and `patch_head`. */
export function loadShared(sql: Statements, row: Row): StoredState | undefined {
  return loadState(sql, fencedActor(row));
}

/** Removes all of it but its row. */
export function forgetShared(sql: Statements, row: Row): void {
  const actor = fencedActor(row);
  if (actor.patchHead !== undefined) sql.deletePatches.run(actor.patchHead);
  sql.setPatchHead.run(null, actor.no);
  forgetPast(sql, actor.no);
  sql.deleteSnapshot.run(actor.no);
  sql.deleteKv.run(actor.no);
  sql.deleteCalls.run(actor.no);
}
