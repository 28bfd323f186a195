import { integer } from "../rows.ts";
import type { FileStatements } from "./schema.ts";

/** How much of an actor's past is kept: both bounds hold. */
export interface HistoryLimits {
  readonly maxAgeMs: number;
  /** Of the log of one actor, beside its newest snapshot and the patches after it. */
  readonly maxBytes: number;
}

/**
 * Forgets what is beyond the limits, after a snapshot: whole stretches from one snapshot to the next,
 * since patches mean nothing without the snapshot before them.
 */
export function pruneHistory(sql: FileStatements, now: number, limits: HistoryLimits): void {
  const snapshots = sql.snapshots.all().map((row) => ({
    no: integer(row, "no"),
    createdAt: integer(row, "created_at"),
  }));
  const newest = snapshots[0];
  if (newest === undefined) return;
  const room = limits.maxBytes + size(sql, newest.no);
  let oldest = newest.no;
  let next = newest;
  for (const snapshot of snapshots.slice(1)) {
    // A stretch answers for times up to the next snapshot.
    if (next.createdAt <= now - limits.maxAgeMs || size(sql, snapshot.no) > room) break;
    oldest = snapshot.no;
    next = snapshot;
  }
  sql.pruneState.run(oldest);
}

function size(sql: FileStatements, from: number): number {
  const row = sql.stateBytes.get(from) ?? {};
  return row["bytes"] === null ? 0 : integer(row, "bytes");
}
