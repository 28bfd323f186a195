import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

interface Write {
  readonly statement: StatementSync;
  /** Its values, or how to make them when the write is made. */
  values: readonly SQLInputValue[] | (() => readonly SQLInputValue[]);
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
  /** Those of the waiting writes that a newer one of the same row replaces. */
  readonly #rows = new Map<number, Write>();
  #timer: NodeJS.Timeout | undefined;
  #failure: unknown;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Throws what an earlier write has failed with; then this one is not made. */
  add(statement: StatementSync, values: readonly SQLInputValue[]): void {
    this.#throwFailure();
    this.#push({ statement, values });
  }

  /**
   * A new content of the row `key`, always by the same statement: of several that wait, only the last one
   * is made, at the place of the first. Throws as {@link add} does.
   */
  replace(statement: StatementSync, key: number, values: () => readonly SQLInputValue[]): void {
    this.#throwFailure();
    const waiting = this.#rows.get(key);
    if (waiting) {
      waiting.values = values;
      return;
    }
    const write: Write = { statement, values };
    this.#rows.set(key, write);
    this.#push(write);
  }

  #push(write: Write): void {
    this.#waiting.push(write);
    if (this.#waiting.length >= maxWaiting) this.#writeAll();
    else this.#timer ??= setTimeout(() => this.#writeAll(), delayMs).unref();
  }

  /** Makes all writes that wait. Throws what one of them has failed with; the others are made. */
  flush(): void {
    this.#writeAll();
    this.#throwFailure();
  }

  /** Forgets what waits. */
  discard(): void {
    clearTimeout(this.#timer);
    this.#waiting = [];
    this.#rows.clear();
  }

  #writeAll(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#rows.clear();
    try {
      if (waiting.length > 1) this.#database.exec("BEGIN");
      for (const write of waiting) this.#run(write);
      // Some failures end the transaction by themselves, and take what came before along.
      if (this.#database.isTransaction) this.#database.exec("COMMIT");
    } catch (error) {
      this.#failure ??= error;
    }
  }

  /** A row that fails is undone by itself: the others may be those of other sessions. */
  #run({ statement, values }: Write): void {
    try {
      statement.run(...(typeof values === "function" ? values() : values));
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
  }
}
