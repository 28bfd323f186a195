import type { StoredState } from "@holdfast/actors";
import { invalidCommit } from "../errors.ts";
import { durableObjectLimits } from "../limits.ts";
import type { SqlStorage } from "../platform.ts";
import type { Pieces } from "./pieces.ts";
import { integer } from "./rows.ts";

/** The states of actors: snapshots, each with the patches after it. Older ones are kept as the history. */
export class StateLogs {
  readonly #sql: SqlStorage;
  readonly #pieces: Pieces;
  /** Actors that have been seen to have one: each patch asks. */
  readonly #withSnapshot = new Set<string>();

  constructor(sql: SqlStorage, pieces: Pieces) {
    this.#sql = sql;
    this.#pieces = pieces;
  }

  write(actor: string, type: "snapshot" | "patch", bytes: Uint8Array, now: number): void {
    if (type === "patch" && !this.#hasSnapshot(actor)) {
      throw invalidCommit("A patch needs an earlier snapshot");
    }
    const isShort = bytes.length <= durableObjectLimits.maxRowBytes;
    const [row] = this.#sql
      .exec(
        "INSERT INTO _holdfast_state (actor, is_snapshot, created_at, size, bytes) VALUES (?, ?, ?, ?, ?) RETURNING no",
        ...[actor, type === "snapshot" ? 1 : 0, now, bytes.length, isShort ? bytes : null],
      )
      .toArray();
    const no = integer(row ?? {}, "no");
    if (!isShort) this.#pieces.put("state", actor, no, bytes);
    if (type === "snapshot") this.#prune(actor, no, now);
  }

  #hasSnapshot(actor: string): boolean {
    if (!this.#withSnapshot.has(actor) && this.#lastSnapshot(actor) !== undefined)
      this.#withSnapshot.add(actor);
    return this.#withSnapshot.has(actor);
  }

  load(actor: string): StoredState | undefined {
    return this.at(actor, Number.MAX_SAFE_INTEGER);
  }

  /** The state at a time; undefined if the history does not go back so far. */
  at(actor: string, at: number): StoredState | undefined {
    const first = this.#lastSnapshot(actor, at);
    if (first === undefined) return undefined;
    const next = this.#snapshotAfter(actor, first);
    const [snapshot, ...patches] = this.#sql
      .exec(
        "SELECT no, bytes FROM _holdfast_state WHERE actor = ? AND no >= ? AND no < ? AND created_at <= ? ORDER BY no",
        ...[actor, first, next ?? Number.MAX_SAFE_INTEGER, at],
      )
      .toArray()
      .map((row) => this.#pieces.read("state", actor, integer(row, "no"), row["bytes"]));
    return snapshot === undefined ? undefined : { snapshot, patches };
  }

  deleteAll(actor: string): void {
    this.#withSnapshot.delete(actor);
    this.#sql.exec("DELETE FROM _holdfast_state WHERE actor = ?", actor);
  }

  #lastSnapshot(actor: string, at = Number.MAX_SAFE_INTEGER): number | undefined {
    const [row] = this.#sql
      .exec(
        "SELECT no FROM _holdfast_state WHERE actor = ? AND is_snapshot = 1 AND created_at <= ? ORDER BY no DESC LIMIT 1",
        ...[actor, at],
      )
      .toArray();
    return row === undefined ? undefined : integer(row, "no");
  }

  #snapshotAfter(actor: string, no: number): number | undefined {
    const [row] = this.#sql
      .exec(
        "SELECT no FROM _holdfast_state WHERE actor = ? AND is_snapshot = 1 AND no > ? ORDER BY no LIMIT 1",
        ...[actor, no],
      )
      .toArray();
    return row === undefined ? undefined : integer(row, "no");
  }

  /** Drops what exceeds the limits of the history: from the newest replaced snapshot backwards, whole chains. */
  #prune(actor: string, current: number, now: number): void {
    const rows = this.#sql
      .exec(
        "SELECT no, is_snapshot, created_at, size FROM _holdfast_state WHERE actor = ? AND no <= ? ORDER BY no DESC",
        ...[actor, current],
      )
      .toArray();
    const { historyMaxBytes, historyMaxAgeMs } = durableObjectLimits;
    let total = 0;
    // A chain was valid until the snapshot after it was written.
    let until = now;
    let first: number | undefined;
    for (const row of rows) {
      if (integer(row, "no") === current) continue;
      total += integer(row, "size");
      if (total > historyMaxBytes || until <= now - historyMaxAgeMs) break;
      if (integer(row, "is_snapshot") === 0) continue;
      first = integer(row, "no");
      until = integer(row, "created_at");
    }
    const keepFrom = first ?? current;
    const dropped = this.#sql
      .exec("DELETE FROM _holdfast_state WHERE actor = ? AND no < ? RETURNING no", actor, keepFrom)
      .toArray();
    for (const row of dropped) this.#pieces.delete("state", actor, integer(row, "no"));
  }
}
