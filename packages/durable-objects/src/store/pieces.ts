import { durableObjectLimits } from "../limits.ts";
import type { SqlStorage } from "../platform.ts";
import { optionalBytes } from "./rows.ts";

/** The table whose row has the bytes. */
export type PieceKind = "state" | "kv" | "call" | "blob";

export type PieceKey = number | string | Uint8Array;

/** Bytes that may exceed a row of the platform: short ones stay in their row, others are stored in pieces. */
export class Pieces {
  readonly #sql: SqlStorage;
  /** False as long as there are none, which saves their statements. */
  #exist: boolean;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    this.#exist = sql.exec("SELECT 1 FROM _holdfast_piece LIMIT 1").toArray().length > 0;
  }

  /** Stores bytes, in place of those that were there; returns what belongs into their row. */
  put(kind: PieceKind, actor: string, key: PieceKey, bytes: Uint8Array): Uint8Array | null {
    this.delete(kind, actor, key);
    const { maxRowBytes } = durableObjectLimits;
    if (bytes.length <= maxRowBytes) return bytes;
    for (let at = 0, part = 0; at < bytes.length; at += maxRowBytes, part++) {
      this.append(kind, actor, key, part, bytes.subarray(at, at + maxRowBytes));
    }
    return null;
  }

  append(kind: PieceKind, actor: string, key: PieceKey, part: number, bytes: Uint8Array): void {
    this.#exist = true;
    this.#sql.exec(
      "INSERT INTO _holdfast_piece (kind, actor, key, part, bytes) VALUES (?, ?, ?, ?, ?)",
      ...[kind, actor, key, part, bytes],
    );
  }

  /** The bytes of a row, whose own column has `inline`. */
  read(kind: PieceKind, actor: string, key: PieceKey, inline: unknown): Uint8Array {
    const own = optionalBytes(inline);
    if (own !== undefined) return own;
    const pieces = this.#sql
      .exec(
        "SELECT bytes FROM _holdfast_piece WHERE kind = ? AND actor = ? AND key = ? ORDER BY part",
        ...[kind, actor, key],
      )
      .toArray()
      .map(({ bytes }) => optionalBytes(bytes) ?? new Uint8Array(0));
    const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const piece of pieces) {
      whole.set(piece, at);
      at += piece.length;
    }
    return whole;
  }

  part(kind: PieceKind, actor: string, key: PieceKey, part: number): Uint8Array | undefined {
    const [row] = this.#sql
      .exec(
        "SELECT bytes FROM _holdfast_piece WHERE kind = ? AND actor = ? AND key = ? AND part = ?",
        ...[kind, actor, key, part],
      )
      .toArray();
    return row === undefined ? undefined : optionalBytes(row["bytes"]);
  }

  delete(kind: PieceKind, actor: string, key: PieceKey): void {
    if (!this.#exist) return;
    this.#sql.exec(
      "DELETE FROM _holdfast_piece WHERE kind = ? AND actor = ? AND key = ?",
      ...[kind, actor, key],
    );
  }

  /** Removes those of all keys with `start <= key < end`. */
  deleteRange(kind: PieceKind, actor: string, start: Uint8Array, end: Uint8Array | undefined): void {
    if (!this.#exist) return;
    this.#sql.exec(
      "DELETE FROM _holdfast_piece WHERE kind = ?1 AND actor = ?2 AND key >= ?3 AND (?4 IS NULL OR key < ?4)",
      ...[kind, actor, start, end ?? null],
    );
  }

  deleteAll(actor: string): void {
    if (this.#exist) this.#sql.exec("DELETE FROM _holdfast_piece WHERE actor = ?", actor);
  }
}
