import type { CallRecord, CommitBatch } from "@holdfast/actors";
import { invalidCommit } from "../errors.ts";

/** Pages of the actor's database that a turn changed. */
export interface ChangedPages {
  readonly pageSize: number;
  /** Number of pages of the database after the turn. */
  readonly pages: number;
  /** True if the database had more pages before the turn. */
  readonly hasShrunk: boolean;
  readonly changed: readonly { readonly no: number; readonly bytes: Uint8Array }[];
}

/** How much history is kept. */
export interface HistoryLimits {
  readonly maxAgeMs: number;
  readonly maxBytes: number;
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
  if (created && batch.state?.type === "patch") throw invalidCommit("A patch needs an earlier snapshot");
  for (const call of batch.calls ?? []) {
    if (call.status === "started" && call.outcome !== undefined) {
      throw invalidCommit("A call that has only started cannot have an outcome");
    }
  }
}

/** Bytes of memory that a batch occupies while it waits. */
export function sizeOf(batch: CommitBatch, pages: ChangedPages | undefined): number {
  let size = 256 + (batch.state?.bytes.length ?? 0);
  for (const operation of batch.kv ?? []) {
    size += 64 + (operation.type === "put" ? operation.key.length + operation.value.length : 0);
  }
  for (const call of batch.calls ?? []) size += 128 + (call.outcome?.length ?? 0);
  for (const page of pages?.changed ?? []) size += page.bytes.length;
  return size;
}

/** When the last of some call records expires; 0 without any. */
export function latestExpiry(calls: readonly CallRecord[] = []): number {
  let until = 0;
  for (const call of calls) until = Math.max(until, call.expiresAt);
  return until;
}
