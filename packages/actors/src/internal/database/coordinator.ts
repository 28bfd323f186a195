import type {
  ActorDatabase,
  ActorStatement,
  RawAccess,
  TransactionOptions,
} from "../../database/database.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import { Access, type Executor } from "./access.ts";
import {
  closedError,
  invalidArguments,
  notAllowed,
  queueFullError,
  sqliteError,
  transactionClosed,
  transactionTimedOut,
} from "./errors.ts";

type CoordinatorDependencies = Pick<
  ActorCore,
  "inTransaction" | "log" | "phase" | "ports" | "queue" | "turn"
>;

/** Maximum number of statements and transactions that wait. */
const maxWaiting = 128;
const defaultTransactionTimeoutMs = 60_000;

/** An open transaction. It ends once: committed, rolled back by its callback, or rolled back from outside. */
interface OpenTransaction {
  readonly name: string;
  ended: boolean;
  /** Reason of a rollback from outside. */
  reason: unknown;
  readonly release: () => void;
  cancelTimer(): void;
}

/**
 * Orders all SQL of one actor. While a transaction is open, no other SQL runs and no turn commits: there is one
 * connection, so a transaction is a savepoint within the turn's transaction.
 */
export class Coordinator implements Executor {
  readonly #actor: CoordinatorDependencies;
  readonly #database: ActorDatabase;
  readonly #warnOnManual: boolean;
  readonly #waiting: { readonly start: () => void; readonly fail: (error: unknown) => void }[] = [];
  #open: OpenTransaction | undefined;
  /** Allows commits again after a manual `BEGIN`. */
  #manual: OpenTransaction | undefined;
  #warned = false;
  #names = 0;
  #closed = false;
  /** True if SQL has written since the last commit. */
  hasWritten = false;

  constructor(actor: CoordinatorDependencies, database: ActorDatabase, warnOnManual: boolean) {
    this.#actor = actor;
    this.#database = database;
    this.#warnOnManual = warnOnManual;
  }

  prepare(sql: string): ActorStatement | undefined {
    this.assertOpen();
    return this.#database.prepare(sql);
  }

  assertOpen(): void {
    if (this.#closed || this.#actor.phase.sealed) throw closedError();
  }

  noteWrite(): void {
    this.hasWritten = true;
    this.#actor.turn.noteChange();
  }

  /** Runs `work` as soon as all earlier work has ended. */
  async runInOrder<T>(work: () => Promise<T> | T): Promise<T> {
    if (this.#open === undefined && this.#waiting.length === 0) return work();
    let result: Promise<T> | T | undefined;
    await this.#enqueue(() => {
      result = work();
    });
    return result as T;
  }

  /** Resolves when no transaction is open or waiting, and no statement is waiting. */
  async idle(): Promise<void> {
    while (this.#open !== undefined || this.#waiting.length > 0) {
      await new Promise<void>((resolve) => this.#waiting.push({ start: resolve, fail: () => resolve() }));
    }
  }

  /** Commits the open turn if possible, for a statement that must not run within a transaction. */
  async leaveTransaction(): Promise<void> {
    // After each commit, another caller may already have started the next turn.
    for (let tries = 0; tries < 16; tries++) {
      if (!this.#database.inTransaction || this.#open !== undefined || this.#actor.inTransaction) return;
      if (this.#database.settle()) return;
      await this.#actor.queue.gate();
    }
  }

  begin(): void {
    if (this.#database.transaction !== undefined) throw notAllowed("BEGIN", "Use c.db.transaction()");
    if (this.#manual !== undefined) throw sqliteError("cannot start a transaction within a transaction");
    if (this.#warnOnManual && !this.#warned) {
      this.#warned = true;
      this.#actor.log.warn(
        "Manual cross-call SQLite transactions can interleave with other callers. Use c.db.transaction(). Set warnOnManualTransactions: false to silence this",
      );
    }
    this.#manual = this.#openTransaction(defaultTransactionTimeoutMs, (open) => {
      this.#manual = undefined;
      this.#rollBack(open);
      this.#actor.log.warn("a manual transaction was not ended and is rolled back", {
        timeoutMs: defaultTransactionTimeoutMs,
      });
    });
  }

  /** The open transaction of a manual `BEGIN`. */
  get manual(): object | undefined {
    return this.#manual;
  }

  end(keep: boolean): void {
    const manual = this.#manual;
    this.#manual = undefined;
    if (manual === undefined) {
      throw sqliteError(`cannot ${keep ? "commit" : "rollback"} - no transaction is active`);
    }
    if (keep) this.#commit(manual);
    else this.#rollBack(manual);
  }

  async transaction<T>(
    callback: (tx: RawAccess) => Promise<T> | T,
    options: TransactionOptions = {},
  ): Promise<T> {
    this.assertOpen();
    const timeoutMs = checkTimeout(options.timeout);
    if (options.name === "") throw invalidArguments("The name of a transaction must not be empty");
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => {});
    return this.runInOrder(() => {
      const open = this.#openTransaction(timeoutMs, (expired) => {
        expired.reason = transactionTimedOut(timeoutMs);
        this.#rollBack(expired);
        late.reject(expired.reason);
        this.#startWaiting(expired);
      });
      this.#open = open;
      return this.#perform(open, callback, late.promise);
    });
  }

  async #perform<T>(
    open: OpenTransaction,
    callback: (tx: RawAccess) => Promise<T> | T,
    late: Promise<never>,
  ): Promise<T> {
    const tx = new Access(new TransactionExecutor(this, open));
    try {
      return await this.#transact(async () => {
        const work = this.#actor.turn.enter(() => callback(tx)) as Promise<T> | T;
        const result = await Promise.race([work, late]);
        if (open.ended) throw open.reason ?? closedError();
        this.#commit(open);
        return result;
      });
    } catch (error) {
      const reason = open.ended ? (open.reason ?? error) : error;
      this.#rollBack(open);
      throw reason;
    } finally {
      open.release();
      this.#startWaiting(open);
    }
  }

  /** Runs migrations: calls on `c.db` within `work` run inside its transaction, without a `tx`. */
  async runMigrations(work: () => unknown, timeoutMs: number): Promise<void> {
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => {});
    const open = this.#openTransaction(timeoutMs, (expired) => {
      expired.reason = transactionTimedOut(timeoutMs);
      this.#rollBack(expired);
      late.reject(expired.reason);
    });
    try {
      await this.#transact(async () => {
        await Promise.race([Promise.resolve(work()), late.promise]);
        if (open.ended) throw open.reason ?? closedError();
        this.#commit(open);
      });
    } catch (error) {
      this.#rollBack(open);
      throw open.reason ?? error;
    } finally {
      open.release();
    }
  }

  /** The enclosing transaction was rolled back, and all open ones with it. */
  transactionLost(): void {
    for (const open of [this.#open, this.#manual]) {
      if (open === undefined || open.ended) continue;
      open.ended = true;
      open.reason = transactionClosed();
      open.cancelTimer();
      open.release();
    }
    this.#manual = undefined;
    if (this.#open !== undefined) this.#startWaiting(this.#open);
  }

  /** A nested transaction: rolled back separately if its callback throws. */
  async nested<T>(outer: { readonly ended: boolean }, callback: () => Promise<T> | T): Promise<T> {
    if (this.#database.transaction !== undefined) {
      return this.#database.transaction(async () => callback());
    }
    const name = this.#nextSavepointName();
    this.#database.savepoint(name);
    try {
      const result = await callback();
      if (!outer.ended) this.#database.release(name);
      return result;
    } catch (error) {
      if (!outer.ended) this.#database.rollback(name);
      throw error;
    }
  }

  #nextSavepointName(): string {
    this.#names++;
    return `tx_${this.#names}`;
  }

  #openTransaction(timeoutMs: number, expired: (open: OpenTransaction) => void): OpenTransaction {
    this.assertOpen();
    const name = this.#nextSavepointName();
    const release = this.#actor.queue.hold();
    try {
      if (this.#database.transaction === undefined) this.#database.savepoint(name);
    } catch (error) {
      release();
      throw error;
    }
    const open: OpenTransaction = {
      name,
      ended: false,
      reason: undefined,
      release,
      cancelTimer: () => timer.cancel(),
    };
    const timer = this.#actor.ports.tasks.after(timeoutMs, () => {
      if (!open.ended) expired(open);
    });
    return open;
  }

  /** Runs a transaction within that of the store, where it has those instead of savepoints. */
  #transact<T>(work: () => Promise<T>): Promise<T> {
    return this.#database.transaction?.(work) ?? work();
  }

  #commit(open: OpenTransaction): void {
    this.#finish(open, () => {
      // The turn is committed as soon as the hold ends, within the transaction of the store.
      if (this.#database.transaction !== undefined) this.#actor.queue.close();
      else this.#database.release(open.name);
    });
  }

  #rollBack(open: OpenTransaction): void {
    // The transaction of the store is rolled back by the error that ends it.
    if (this.#database.transaction !== undefined) return this.#finish(open, () => {}, true);
    this.#finish(open, () => {
      try {
        this.#database.rollback(open.name);
      } catch (error) {
        // The enclosing transaction is lost: the commit of the turn reports it.
        this.#actor.log.debug("savepoint of a transaction no longer exists", { error });
      }
    });
  }

  /** With `keepsHold`, nothing is committed before the transaction of the store has ended. */
  #finish(open: OpenTransaction, work: () => void, keepsHold = false): void {
    if (open.ended) return;
    open.ended = true;
    open.cancelTimer();
    try {
      work();
    } finally {
      if (!keepsHold) open.release();
    }
  }

  /** Starts waiting work, up to the next transaction. */
  #startWaiting(ended: OpenTransaction): void {
    if (this.#open !== ended) return;
    this.#open = undefined;
    while (this.#open === undefined) {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) return;
      try {
        waiter.start();
      } catch (error) {
        waiter.fail(error);
      }
    }
  }

  #enqueue(start: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= maxWaiting) throw queueFullError(maxWaiting);
      this.#waiting.push({
        start: () => {
          start();
          resolve();
        },
        fail: reject,
      });
    });
  }

  /** Rolls back all open transactions and rejects further work. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const open of [this.#open, this.#manual]) {
      if (open === undefined) continue;
      open.reason ??= closedError();
      this.#rollBack(open);
    }
    this.#open = undefined;
    this.#manual = undefined;
    for (const waiter of this.#waiting.splice(0)) waiter.fail(closedError());
  }
}

/** The executor of `tx`: the coordinator, while its transaction is open. */
class TransactionExecutor implements Executor {
  readonly #coordinator: Coordinator;
  readonly #open: OpenTransaction;
  #last: Promise<unknown> = Promise.resolve();

  constructor(coordinator: Coordinator, open: OpenTransaction) {
    this.#coordinator = coordinator;
    this.#open = open;
  }

  prepare(sql: string): ActorStatement | undefined {
    this.assertOpen();
    return this.#coordinator.prepare(sql);
  }

  assertOpen(): void {
    if (this.#open.ended) throw this.#open.reason ?? transactionClosed();
    this.#coordinator.assertOpen();
  }

  noteWrite(): void {
    this.#coordinator.noteWrite();
  }

  async runInOrder<T>(work: () => Promise<T> | T): Promise<T> {
    return work();
  }

  async leaveTransaction(): Promise<void> {}

  begin(): void {
    throw sqliteError("cannot start a transaction within a transaction");
  }

  end(): void {
    throw invalidArguments(
      "A transaction ends with its callback: return to commit it, throw to roll it back",
    );
  }

  /** Nested transactions run one at a time: savepoints form a stack. */
  transaction<T>(callback: (tx: RawAccess) => Promise<T> | T): Promise<T> {
    const run = (): Promise<T> => {
      this.assertOpen();
      return this.#coordinator.nested(this.#open, () =>
        callback(new Access(new TransactionExecutor(this.#coordinator, this.#open))),
      );
    };
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }

  close(): void {
    throw invalidArguments("A transaction cannot close the database");
  }
}

function checkTimeout(timeout: number | undefined): number {
  if (timeout === undefined) return defaultTransactionTimeoutMs;
  if (typeof timeout === "number" && timeout > 0 && Number.isFinite(timeout)) return timeout;
  throw invalidArguments("The timeout of a transaction must be a positive finite number of milliseconds");
}
