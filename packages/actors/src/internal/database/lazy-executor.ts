import type { ActorStatement, RawAccess, TransactionOptions } from "../../database/database.ts";
import type { Executor } from "./access.ts";
import { notOpenError } from "./errors.ts";

/** A database that is opened on first use. */
export interface LazyDatabase {
  /** Set once the database is open. */
  readonly coordinator: Executor | undefined;
  ensureOpen(): Promise<Executor>;
  /** Throws if the database accepts no more calls. */
  assertOpen(): void;
  close(): void;
}

/** The executor of `c.db` without `db` in the definition: opens the database when SQL first runs. */
export class LazyExecutor implements Executor {
  readonly #database: LazyDatabase;

  constructor(database: LazyDatabase) {
    this.#database = database;
  }

  get #executor(): Executor {
    this.#database.assertOpen();
    const { coordinator } = this.#database;
    if (coordinator === undefined) throw notOpenError();
    return coordinator;
  }

  /** Synchronous reads before the first use throw `db.not_open`. */
  prepare(sql: string): ActorStatement | undefined {
    return this.#executor.prepare(sql);
  }

  assertOpen(): void {
    this.#database.assertOpen();
  }

  noteWrite(): void {
    this.#executor.noteWrite();
  }

  /** Once open, SQL runs immediately, as it does with a declared `db`. */
  async runInOrder<T>(work: () => Promise<T> | T): Promise<T> {
    const executor = this.#database.coordinator ?? (await this.#database.ensureOpen());
    executor.assertOpen();
    return executor.runInOrder(work);
  }

  async leaveTransaction(): Promise<void> {
    await this.#executor.leaveTransaction();
  }

  begin(): void {
    this.#executor.begin();
  }

  end(keep: boolean): void {
    this.#executor.end(keep);
  }

  async transaction<T>(
    callback: (tx: RawAccess) => Promise<T> | T,
    options?: TransactionOptions,
  ): Promise<T> {
    this.assertOpen();
    const executor = this.#database.coordinator ?? (await this.#database.ensureOpen());
    return executor.transaction(callback, options);
  }

  close(): void {
    this.#database.close();
  }
}
