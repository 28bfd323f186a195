import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

interface Write {
  readonly statement: StatementSync;
  readonly values: readonly SQLInputValue[];
}

/** A turn of an agent that answers at once is over by then. */
const delayMs = 10;
const maxWaiting = 256;

/**
 * Writes to a database in memory, of which nothing outlives the process: nobody has to wait for them. They
 * are made in order and together, after a moment, when many wait, or before the next read, which therefore
 * finds them. What fails is thrown by the call that comes next.
 */
export class WriteBehind {
  readonly #database: DatabaseSync;
  #waiting: Write[] = [];
  #timer: NodeJS.Timeout | undefined;
  #failure: unknown;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Throws what an earlier write has failed with, or, where many wait, one of them. */
  add(statement: StatementSync, values: readonly SQLInputValue[]): void {
    this.#waiting.push({ statement, values });
    if (this.#failure !== undefined || this.#waiting.length >= maxWaiting) this.flush();
    else this.#timer ??= setTimeout(() => this.#flushLater(), delayMs).unref();
  }

  /** Makes all writes that wait. Throws what one of them has failed with; the others are not made then. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    if (this.#failure !== undefined) {
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
    if (waiting.length === 0) return;
    const isOne = waiting.length === 1;
    if (!isOne) this.#database.exec("BEGIN");
    try {
      for (const { statement, values } of waiting) statement.run(...values);
      if (!isOne) this.#database.exec("COMMIT");
    } catch (error) {
      if (!isOne) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Forgets what waits. */
  discard(): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
  }

  #flushLater(): void {
    try {
      this.flush();
    } catch (error) {
      this.#failure = error;
    }
  }
}
