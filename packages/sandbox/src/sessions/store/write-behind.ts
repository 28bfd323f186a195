import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";

interface Write {
  readonly statement: StatementSync;
  /** Values of the row, or a function that computes them at the write. */
  values: readonly SQLInputValue[] | (() => readonly SQLInputValue[]);
}

/** Long enough to cover the complete turn of an agent that answers immediately. */
const delayMs = 10;
const maxWaiting = 256;

/**
 * Write-behind buffer for a database in memory, where no caller has to wait for durability. Buffered writes
 * are made in order and in one transaction: after {@link delayMs}, at {@link maxWaiting} of them, or before
 * the next read. The next call throws the error of a failed write.
 */
export class WriteBehind {
  readonly #database: DatabaseSync;
  #waiting: Write[] = [];
  /** Buffered writes that a newer write of the same row replaces. */
  readonly #rows = new Map<number, Write>();
  #timer: NodeJS.Timeout | undefined;
  #failure: unknown;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Buffers a write. Throws the error of an earlier failed write; this one is then dropped. */
  add(statement: StatementSync, values: readonly SQLInputValue[]): void {
    this.#throwFailure();
    this.#push({ statement, values });
  }

  /**
   * Buffers new content of the row `key`, always with the same statement. Only the last of several contents is
   * written, at the position of the first. Throws as {@link add} does.
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

  /** Makes all buffered writes, then throws the error of a failed one. */
  flush(): void {
    this.#writeAll();
    this.#throwFailure();
  }

  /** Drops all buffered writes. */
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
      // Some errors have already rolled the transaction back.
      if (this.#database.isTransaction) this.#database.exec("COMMIT");
    } catch (error) {
      this.#failure ??= error;
    }
  }

  /** A failed row must not undo the others, which may belong to other sessions. */
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
