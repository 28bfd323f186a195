import type { ActorStatement, RawAccess, TransactionOptions } from "../../database.ts";
import type { Executor } from "./access.ts";
import type { DatabasePart } from "./database-part.ts";
import { notOpenError } from "./errors.ts";

/** What `c.db` works on where the definition has no `db`: opens the database when SQL is first run. */
export class LateExecutor implements Executor {
  readonly #part: DatabasePart;

  constructor(part: DatabasePart) {
    this.#part = part;
  }

  get #opened(): Executor {
    this.#part.assertOpen();
    const { coordinator } = this.#part;
    if (coordinator === undefined) throw notOpenError();
    return coordinator;
  }

  /** Reads that cannot wait throw `db.not_open` before the first use. */
  prepare(sql: string): ActorStatement | undefined {
    return this.#opened.prepare(sql);
  }

  assertOpen(): void {
    this.#part.assertOpen();
  }

  noteWrite(): void {
    this.#opened.noteWrite();
  }

  /** Once it is open SQL runs at once, as it does where there is a `db`. */
  async inTurn<T>(work: () => Promise<T> | T): Promise<T> {
    const executor = this.#part.coordinator ?? (await this.#part.opened());
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
    const executor = this.#part.coordinator ?? (await this.#part.opened());
    return executor.transaction(callback, options);
  }

  close(): void {
    this.#part.close();
  }
}
