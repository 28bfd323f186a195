import type { SQLInputValue } from "node:sqlite";
import type { CallRecord, CommitBatch, KvOperation, LoadedActor, StoredState } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";
import { duplicateKey, fenced, invalidCommit, notFound } from "../errors.ts";
import { dropHistory, type History, retainHistory } from "../history/retention.ts";
import { actorRecord, bytes, integer, optionalInteger, type Row } from "../rows.ts";
import { callsAtOnce, type Statements } from "../statements.ts";
import type { ActorRowCache } from "./actor-row-cache.ts";

/** Writes commit batches into the open transaction. */
export interface Tables {
  readonly sql: Statements;
  readonly rowCache: ActorRowCache;
}

interface FencedActor {
  readonly no: number;
  readonly patchHead: number | undefined;
}

/** Refuses malformed batches; one that passes can only fail for the reasons documented in the port. */
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

/** Writes one batch into the open transaction. The first statement is the fence, or creates the row. */
export function applyCommit(tables: Tables, batch: CommitBatch, history: History): void {
  const { sql, rowCache } = tables;
  const actor = batch.create === undefined ? fence(sql, batch) : create(sql, batch, batch.create);
  if (batch.destroyedAt !== undefined) {
    rowCache.delete(batch.actorId);
    return destroy(sql, actor, batch.destroyedAt);
  }
  const patchHead =
    batch.state === undefined ? actor.patchHead : writeState(tables, actor, batch.state, history);
  for (const operation of batch.kv ?? []) writeKv(sql, actor.no, operation);
  const { calls } = batch;
  if (calls !== undefined && calls.length > 0) {
    sql.setCallsUntil.run(latest(calls), actor.no);
    writeCalls(sql, actor.no, calls);
  }
  if (batch.wakeAt !== undefined) sql.setWake.run(batch.wakeAt, actor.no);
  rowCache.set(batch.actorId, { no: actor.no, patchHead });
}

/**
 * Writes the most common batch, a patch and call records of a recently written actor, in as few statements as rows.
 * Returns false for any other batch, or if the fence did not hold: then nothing was written, and {@link applyCommit}
 * finds the reason. If it throws, the batch may be partly written.
 */
export function applyFastCommit(tables: Tables, batch: CommitBatch, now: number): boolean {
  const { sql, rowCache } = tables;
  const { actorId, state, calls } = batch;
  const actor = rowCache.get(actorId);
  if (actor === undefined || batch.kv !== undefined || batch.destroyedAt !== undefined) return false;
  if (batch.create !== undefined || batch.wakeAt !== undefined) return false;
  const before = actor.patchHead;
  if (state !== undefined && (state.type !== "patch" || before === undefined)) return false;
  const patchHead = state === undefined ? before : rowCache.nextPatch();
  const until = calls === undefined ? 0 : latest(calls);
  const { changes } = sql.fenceHot.run(
    batch.commitId,
    patchHead ?? null,
    until,
    actor.no,
    actorId,
    batch.epoch,
    batch.version - 1,
  );
  if (changes === 0) return false;
  if (state !== undefined && patchHead !== undefined && before !== undefined) {
    sql.putPatch.run(patchHead, before, state.bytes, now);
    rowCache.set(actorId, { no: actor.no, patchHead });
  }
  if (calls !== undefined) writeCalls(sql, actor.no, calls);
  return true;
}

function latest(calls: readonly CallRecord[]): number {
  let until = 0;
  for (const call of calls) until = Math.max(until, call.expiresAt);
  return until;
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

/** Returns the number of the newest patch afterwards. */
function writeState(
  { sql, rowCache }: Tables,
  actor: FencedActor,
  state: NonNullable<CommitBatch["state"]>,
  history: History,
): number | undefined {
  const head = actor.patchHead ?? null;
  if (state.type === "snapshot") {
    retainHistory(sql, actor.no, head, history);
    if (head !== null) sql.setPatchHead.run(null, actor.no);
    sql.putSnapshot.run(actor.no, state.bytes, history.now);
    return undefined;
  }
  if (head === null && sql.hasSnapshot.get(actor.no) === undefined) {
    throw invalidCommit("A patch needs an earlier snapshot");
  }
  const no = rowCache.nextPatch();
  sql.putPatch.run(no, head, state.bytes, history.now);
  sql.setPatchHead.run(no, actor.no);
  return no;
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

/** In order. An expired record that still exists is overwritten. */
function writeCalls(sql: Statements, actorNo: number, calls: readonly CallRecord[]): void {
  let at = 0;
  for (; calls.length - at >= callsAtOnce; at += callsAtOnce) {
    const values: SQLInputValue[] = [actorNo];
    for (let i = at; i < at + callsAtOnce; i++) {
      const call = calls[i];
      if (call !== undefined) values.push(call.key, call.status, call.outcome ?? null, call.expiresAt);
    }
    sql.putCalls.run(...values);
  }
  for (let call = calls[at]; call !== undefined; call = calls[++at]) {
    sql.putCall.run(actorNo, call.key, call.status, call.outcome ?? null, call.expiresAt);
  }
}

function destroy(sql: Statements, actor: FencedActor, destroyedAt: number): void {
  if (actor.patchHead !== undefined) sql.deletePatches.run(actor.patchHead);
  dropHistory(sql, actor.no);
  sql.deleteSnapshot.run(actor.no);
  sql.deleteKv.run(actor.no);
  sql.destroy.run(destroyedAt, actor.no);
}

/** Raises the epoch in the open transaction, and loads what the new owner needs. */
export function applyAcquire(sql: Statements, id: string): LoadedActor {
  const row = sql.acquire.get(id);
  if (row === undefined) throw notFound(id);
  const state = loadState(sql, fencedActor(row));
  const callsUntil = integer(row, "calls_until");
  return { record: actorRecord(row), callsUntil, ...(state === undefined ? {} : { state }) };
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

/** Removes all data of an actor except its row and its call records, which expire. */
export function forgetShared({ sql, rowCache }: Tables, id: string, row: Row): void {
  const actor = fencedActor(row);
  rowCache.delete(id);
  if (actor.patchHead !== undefined) sql.deletePatches.run(actor.patchHead);
  sql.setPatchHead.run(null, actor.no);
  dropHistory(sql, actor.no);
  sql.deleteSnapshot.run(actor.no);
  sql.deleteKv.run(actor.no);
}
