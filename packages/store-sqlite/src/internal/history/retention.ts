import type { StoredState } from "@holdfast/actors";
import type { HistoryLimits } from "../actor-file/state-log.ts";
import { bytes, integer, optionalInteger } from "../rows.ts";
import type { Statements } from "../statements.ts";

/** The time of a commit, and how much history before it is kept. */
export interface History {
  readonly now: number;
  readonly limits: HistoryLimits;
}

/** Called before a snapshot is replaced: keeps it, with the patches after it, within the limits. */
export function retainHistory(sql: Statements, actorNo: number, head: number | null, history: History): void {
  const { now, limits } = history;
  const snapshot = sql.snapshotSize.get(actorNo);
  if (snapshot === undefined) return;
  let size = integer(snapshot, "size");
  // A chain is not measured if its snapshot alone is too large.
  if (head !== null && size <= limits.maxBytes) size += integer(sql.patchesSize.get(head) ?? {}, "size");
  if (size <= limits.maxBytes && limits.maxAgeMs > 0) sql.moveToPast.run(actorNo, head, now, size);
  else if (head !== null) sql.deletePatches.run(head);
  let total = 0;
  for (const row of sql.listPast.all(actorNo)) {
    total += integer(row, "size");
    if (total <= limits.maxBytes && integer(row, "until_at") > now - limits.maxAgeMs) continue;
    drop(sql, integer(row, "no"), optionalInteger(row, "patch_head"));
  }
}

export function dropHistory(sql: Statements, actorNo: number): void {
  for (const row of sql.listPast.all(actorNo)) {
    drop(sql, integer(row, "no"), optionalInteger(row, "patch_head"));
  }
}

function drop(sql: Statements, no: number, head: number | undefined): void {
  if (head !== undefined) sql.deletePatches.run(head);
  sql.deletePast.run(no);
}

/** The state of a living actor at a given time; undefined if its history does not go back so far. */
export function stateAt(sql: Statements, id: string, at: number): StoredState | undefined {
  const actor = sql.place.get(id);
  if (actor === undefined) return undefined;
  const no = integer(actor, "no");
  const current = sql.snapshotAt.get(no, at);
  const row = current ?? sql.pastAt.get(no, at);
  if (row === undefined) return undefined;
  const head = optionalInteger(current === undefined ? row : actor, "patch_head");
  const patches = head === undefined ? [] : sql.patchesAt.all(head, at).map((patch) => bytes(patch, "bytes"));
  return { snapshot: bytes(row, "bytes"), patches: patches.reverse() };
}
