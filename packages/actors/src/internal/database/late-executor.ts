import type { ActorStatement, RawAccess, TransactionOptions } from "../../database/database.ts";
import type { Executor } from "./access.ts";
import { notOpenError } from "./errors.ts";

/** A database that is opened when it is first needed. */
export interface LateDatabase {
  /** Present once it is open. */
  readonly coordinator: Executor | undefined;
  opened(): Promise<Executor>;
  /** Throws where nothing may be asked of it any more. */
  assertOpen(): void;
  close(): void;
}

/** What `c.db` works on where the definition has no `db`: opens the database when SQL is first run. */
export class LateExecutor implements Executor {
  readonly #database: LateDatabase;

  constructor(database: LateDatabase) {
    this.#database = database;
  }

  get #opened(): Executor {
    this.#database.assertOpen();
    const { coordinator } = this.#database;
    if (coordinator === undefined) throw notOpenError();
    return coordinator;
  }

  /** Reads that cannot wait throw `db.not_open` before the first use. */
  prepare(sql: string): ActorStatement | undefined {
    return this.#opened.prepare(sql);
  }

  assertOpen(): void {
    this.#database.assertOpen();
  }

  noteWrite(): void {
    this.#opened.noteWrite();
  }

  /** Once it is open SQL runs at once, as it does where there is a `db`. */
  async inTurn<T>(work: () => Promise<T> | T): Promise<T> {
    const executor = this.#database.coordinator ?? (await this.#database.opened());
    executor.assertOpen();
    return executor.inTurn(work);
  }

  async standAlone(): Promise<void> {
    await this.#opened.standAlone();
  }

  begin(): void {
    this.#opened.begin();
  }

  end(keep: boolean): void {
    this.#opened.end(keep);
  }

  async transaction<T>(
    callback: (tx: RawAccess) => Promise<T> | T,
    options?: TransactionOptions,
  ): Promise<T> {
    this.assertOpen();
    const executor = this.#database.coordinator ?? (await this.#database.opened());
    return executor.transaction(callback, options);
  }

  close(): void {
    this.#database.close();
  }
}
