import type { StatementSync } from "node:sqlite";
import { actorLimits } from "@holdfast/actors";
import { integer, optionalInteger } from "./rows.ts";

/** Statements over one table of call records, in the order in which they were written. */
export interface CallStatements {
  /** `now`, how many to look at, after which number: deletes the expired ones. */
  readonly pruneCalls: StatementSync;
  /** After which number: the oldest record that is left. */
  readonly oldestCall: StatementSync;
  /** The same as `pruneCalls`: the last number of a record that expires after `now`. */
  readonly lastUnexpiredCall: StatementSync;
}

/**
 * Removes expired call records from the oldest on, a bounded number at a time. Records expire in the order of
 * their numbers, unless the clock was set back: those that were written while it was ahead are skipped, so that
 * they keep none of the later ones, and looked at again once the end of the table is reached.
 */
export class CallPruner {
  readonly #sql: CallStatements;
  /** Until then, in milliseconds, no record that is looked at next has expired. */
  #nextExpiry = 0;
  /** Records up to this number were skipped. */
  #after = 0;

  constructor(sql: CallStatements) {
    this.#sql = sql;
  }

  prune(now: number, count: number): void {
    const latest = now + actorLimits.callWindowMs;
    if (now < this.#nextExpiry && this.#nextExpiry <= latest) return;
    const { changes } = this.#sql.pruneCalls.run(now, count, this.#after);
    if (changes !== 0) return;
    const oldest = this.#sql.oldestCall.get(this.#after);
    this.#nextExpiry = oldest === undefined ? latest : integer(oldest, "expires_at");
    if (oldest === undefined) this.#after = 0;
    else if (this.#nextExpiry > latest) {
      const skipped = this.#sql.lastUnexpiredCall.get(latest, count, this.#after);
      this.#after = (skipped && optionalInteger(skipped, "no")) ?? this.#after;
    }
  }
}
