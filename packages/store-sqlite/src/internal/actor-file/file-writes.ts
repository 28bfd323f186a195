import type { CallRecord, CommitBatch, KvEntry, KvOperation, StoredState } from "@holdfast/actors";
import { fenced, invalidCommit } from "../errors.ts";
import type { FileConnection } from "./file-connection.ts";
import type { FileStatements } from "./schema.ts";
import { type HistoryLimits, pruneHistory } from "./state-log.ts";

/** All data of an actor except the user's tables. */
export interface FileContent {
  readonly epoch: number;
  readonly version: number;
  readonly wakeAt: number | undefined;
  readonly state: StoredState | undefined;
  readonly kv: readonly KvEntry[];
  readonly calls: readonly CallRecord[];
}

/** Advances the version of the file in the open transaction; throws `actor.fenced` if another owner has written. */
export function fence(sql: FileStatements, batch: CommitBatch): void {
  const { changes } =
    batch.wakeAt === undefined
      ? sql.fence.run(batch.commitId, batch.epoch, batch.version - 1)
      : sql.fenceAndWake.run(batch.commitId, batch.epoch, batch.version - 1, batch.wakeAt);
  if (changes !== 1) throw fenced(batch.actorId);
}

/** Writes the state, entries and call records of one turn in the open transaction. */
export function writeCommit(
  { sql, callPruner }: FileConnection,
  batch: CommitBatch,
  now: number,
  history: HistoryLimits,
): void {
  if (batch.state !== undefined) {
    const isSnapshot = batch.state.type === "snapshot";
    if (!isSnapshot && sql.hasSnapshot.get() === undefined) {
      throw invalidCommit("A patch needs an earlier snapshot");
    }
    sql.putState.run(batch.version, now, isSnapshot ? 1 : 0, batch.state.bytes);
    if (isSnapshot) pruneHistory(sql, now, history);
  }
  for (const operation of batch.kv ?? []) writeKv(sql, operation);
  for (const call of batch.calls ?? []) {
    sql.putCall.run(call.key, call.status, call.outcome ?? null, call.expiresAt);
  }
  if (batch.calls !== undefined) callPruner.prune(now, 2 * batch.calls.length);
}

function writeKv(sql: FileStatements, operation: KvOperation): void {
  switch (operation.type) {
    case "put":
      sql.kvPut.run(operation.key, operation.value);
      return;
    case "delete":
      sql.kvDelete.run(operation.key);
      return;
    case "delete-range":
      if (operation.end === undefined) sql.kvDeleteFrom.run(operation.start);
      else sql.kvDeleteRange.run(operation.start, operation.end);
  }
}

/** Writes all data of an actor that was stored elsewhere so far, in the open transaction. */
export function writeContent(sql: FileStatements, id: string, content: FileContent, now: number): void {
  sql.setOwner.run(id, content.epoch, content.version, content.wakeAt ?? null);
  const states = content.state === undefined ? [] : [content.state.snapshot, ...content.state.patches];
  for (const [index, part] of states.entries()) {
    sql.putState.run(content.version, now, index === 0 ? 1 : 0, part);
  }
  for (const { key, value } of content.kv) sql.kvPut.run(key, value);
  for (const call of content.calls) {
    sql.putCall.run(call.key, call.status, call.outcome ?? null, call.expiresAt);
  }
}
