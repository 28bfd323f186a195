import type { StatementSync } from "node:sqlite";
import { actorLimits } from "@holdfast/actors";
import { integer, optionalInteger } from "./rows.ts";

/** Statements on one table of call records, ordered by insertion. */
export interface CallStatements {
  /** Parameters: `now`, the number of records to examine, the number to start after. Deletes the expired ones. */
  readonly pruneCalls: StatementSync;
  /** Parameter: the number to start after. Returns the oldest remaining record. */
  readonly oldestCall: StatementSync;
  /** Same parameters as `pruneCalls`. Returns the last number of a record that expires after `now`. */
  readonly lastUnexpiredCall: StatementSync;
}

/**
 * Removes expired call records, oldest first, a bounded number at a time. Records expire in the order of their numbers
 * unless the clock was set back: records written while it was ahead are skipped, so that they do not block later ones,
 * and examined again after the end of the table has been reached.
 */
export class CallPruner {
  readonly #sql: CallStatements;
  /** Before this time (ms since the epoch) the next record has not expired. */
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
