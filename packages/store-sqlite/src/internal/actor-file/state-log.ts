import { integer } from "../rows.ts";
import type { FileStatements } from "./schema.ts";

/** How much of an actor's history is kept: both limits apply. */
export interface HistoryLimits {
  readonly maxAgeMs: number;
  /** Maximum size of one actor's log, beyond its newest snapshot and the patches after it. */
  readonly maxBytes: number;
}

/**
 * Removes history beyond the limits, after a snapshot. Always complete stretches from one snapshot to the next, since
 * patches need the snapshot before them.
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
    // A stretch covers the time up to the next snapshot.
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
