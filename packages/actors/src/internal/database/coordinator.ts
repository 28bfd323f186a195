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
  queueFullError,
  sqliteError,
  transactionClosed,
  transactionTimedOut,
} from "./errors.ts";

type CoordinatorDependencies = Pick<
  ActorCore,
  "inTransaction" | "log" | "phase" | "ports" | "queue" | "turn"
>;

/** Statements and transactions that wait for one that is open. */
const maxWaiting = 128;
const defaultTransactionTimeoutMs = 60_000;

/** A transaction that is open. It ends once: kept, undone by its callback, or undone from outside. */
interface Open {
  readonly name: string;
  ended: boolean;
  /** Why it was undone from outside. */
  reason: unknown;
  readonly release: () => void;
  cancelTimer(): void;
}

/**
 * All SQL of one actor, in order. While a transaction is open nothing else of `c.db` runs, and no turn
 * is committed, since there is one connection and so one transaction: a savepoint in that of the turn.
 */
export class Coordinator implements Executor {
  readonly #actor: CoordinatorDependencies;
  readonly #database: ActorDatabase;
  readonly #warnOnManual: boolean;
  readonly #waiting: { readonly start: () => void; readonly fail: (error: unknown) => void }[] = [];
  #open: Open | undefined;
  /** Lets commits go on after a `BEGIN` by hand. */
  #manual: Open | undefined;
  #warned = false;
  #names = 0;
  #closed = false;
  /** True when SQL has written since the last commit. */
  wrote = false;

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
    this.wrote = true;
    this.#actor.turn.noteChange();
  }

  /** Runs `work` now, or when those before it have ended. */
  async inTurn<T>(work: () => Promise<T> | T): Promise<T> {
    if (this.#open === undefined && this.#waiting.length === 0) return work();
    let result: Promise<T> | T | undefined;
    await this.#wait(() => {
      result = work();
    });
    return result as T;
  }

  /** Resolves when no transaction is open or waits, and no statement. */
  async idle(): Promise<void> {
    while (this.#open !== undefined || this.#waiting.length > 0) {
      await new Promise<void>((resolve) => this.#waiting.push({ start: resolve, fail: () => resolve() }));
    }
  }

  /** Ends what is open where that can be: a statement is to run that takes no transaction around it. */
  async standAlone(): Promise<void> {
    // Each commit may find that another caller has begun the next turn meanwhile.
    for (let tries = 0; tries < 16; tries++) {
      if (!this.#database.inTransaction || this.#open !== undefined || this.#actor.inTransaction) return;
      if (this.#database.settle()) return;
      await this.#actor.queue.gate();
    }
  }

  begin(): void {
    if (this.#manual !== undefined) throw sqliteError("cannot start a transaction within a transaction");
    if (this.#warnOnManual && !this.#warned) {
      this.#warned = true;
      this.#actor.log.warn(
        "Manual cross-call SQLite transactions can interleave with other callers. Use c.db.transaction(). Set warnOnManualTransactions: false to silence this",
      );
    }
    this.#manual = this.#begin(defaultTransactionTimeoutMs, (open) => {
      this.#manual = undefined;
      this.#undo(open);
      this.#actor.log.warn("a transaction begun by hand was not ended and is undone", {
        timeoutMs: defaultTransactionTimeoutMs,
      });
    });
  }

  /** What a `BEGIN` by hand has begun and nothing has ended yet. */
  get manual(): object | undefined {
    return this.#manual;
  }

  end(keep: boolean): void {
    const manual = this.#manual;
    this.#manual = undefined;
    if (manual === undefined) {
      throw sqliteError(`cannot ${keep ? "commit" : "rollback"} - no transaction is active`);
    }
    if (keep) this.#keep(manual);
    else this.#undo(manual);
  }

  async transaction<T>(
    callback: (tx: RawAccess) => Promise<T> | T,
    options: TransactionOptions = {},
  ): Promise<T> {
    this.assertOpen();
    const timeoutMs = checkTimeout(options.timeout);
    if (options.name === "") throw invalidArguments("The name of a transaction is empty");
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => {});
    return this.inTurn(() => {
      const open = this.#begin(timeoutMs, (expired) => {
        expired.reason = transactionTimedOut(timeoutMs);
        this.#undo(expired);
        late.reject(expired.reason);
        this.#next(expired);
      });
      this.#open = open;
      return this.#perform(open, callback, late.promise);
    });
  }

  async #perform<T>(
    open: Open,
    callback: (tx: RawAccess) => Promise<T> | T,
    late: Promise<never>,
  ): Promise<T> {
    const tx = new Access(new Inside(this, open));
    try {
      const work = this.#actor.turn.enter(() => callback(tx)) as Promise<T> | T;
      const result = await Promise.race([work, late]);
      if (open.ended) throw open.reason ?? closedError();
      this.#keep(open);
      return result;
    } catch (error) {
      const reason = open.ended ? (open.reason ?? error) : error;
      this.#undo(open);
      throw reason;
    } finally {
      this.#next(open);
    }
  }

  /** Runs migrations: what they ask of `c.db` is inside a transaction without being given a `tx`. */
  async around(work: () => unknown, timeoutMs: number): Promise<void> {
    const late = Promise.withResolvers<never>();
    late.promise.catch(() => {});
    const open = this.#begin(timeoutMs, (expired) => {
      expired.reason = transactionTimedOut(timeoutMs);
      this.#undo(expired);
      late.reject(expired.reason);
    });
    try {
      await Promise.race([Promise.resolve(work()), late.promise]);
      if (open.ended) throw open.reason ?? closedError();
      this.#keep(open);
    } catch (error) {
      this.#undo(open);
      throw open.reason ?? error;
    }
  }

  /** The transaction around everything was undone, and with it those that are open. */
  undone(): void {
    for (const open of [this.#open, this.#manual]) {
      if (open === undefined || open.ended) continue;
      open.ended = true;
      open.reason = transactionClosed();
      open.cancelTimer();
      open.release();
    }
    this.#manual = undefined;
    if (this.#open !== undefined) this.#next(this.#open);
  }

  /** A transaction within one: undone alone when its callback throws. */
  async nested<T>(outer: { readonly ended: boolean }, callback: () => Promise<T> | T): Promise<T> {
    const name = this.#name();
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

  #name(): string {
    this.#names++;
    return `tx_${this.#names}`;
  }

  #begin(timeoutMs: number, expired: (open: Open) => void): Open {
    this.assertOpen();
    const name = this.#name();
    const release = this.#actor.queue.hold();
    try {
      this.#database.savepoint(name);
    } catch (error) {
      release();
      throw error;
    }
    const open: Open = {
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

  #keep(open: Open): void {
    this.#finish(open, () => this.#database.release(open.name));
  }

  #undo(open: Open): void {
    this.#finish(open, () => {
      try {
        this.#database.rollback(open.name);
      } catch (error) {
        // The transaction around it is lost: the commit of the turn will say so.
        this.#actor.log.debug("savepoint of a transaction is gone", { error });
      }
    });
  }

  #finish(open: Open, work: () => void): void {
    if (open.ended) return;
    open.ended = true;
    open.cancelTimer();
    try {
      work();
    } finally {
      open.release();
    }
  }

  /** Lets those run that wait, up to the next transaction. */
  #next(ended: Open): void {
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

  #wait(start: () => void): Promise<void> {
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

  /** Everything that is open is undone and nothing more is taken. Idempotent. */
  close(): void {
    this.#closed = true;
    for (const open of [this.#open, this.#manual]) {
      if (open === undefined) continue;
      open.reason ??= closedError();
      this.#undo(open);
    }
    this.#open = undefined;
    this.#manual = undefined;
    for (const waiter of this.#waiting.splice(0)) waiter.fail(closedError());
  }
}

/** What `tx` works on: the coordinator, as long as its transaction is open. */
class Inside implements Executor {
  readonly #coordinator: Coordinator;
  readonly #open: Open;
  #last: Promise<unknown> = Promise.resolve();

  constructor(coordinator: Coordinator, open: Open) {
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

  async inTurn<T>(work: () => Promise<T> | T): Promise<T> {
    return work();
  }

  async standAlone(): Promise<void> {}

  begin(): void {
    throw sqliteError("cannot start a transaction within a transaction");
  }

  end(): void {
    throw invalidArguments("A transaction ends with its callback: return to keep it, throw to undo it");
  }

  /** One after the other: savepoints are a stack. */
  transaction<T>(callback: (tx: RawAccess) => Promise<T> | T): Promise<T> {
    const run = (): Promise<T> => {
      this.assertOpen();
      return this.#coordinator.nested(this.#open, () =>
        callback(new Access(new Inside(this.#coordinator, this.#open))),
      );
    };
    const result = this.#last.then(run);
    this.#last = result.catch(() => {});
    return result;
  }

  close(): void {
    throw invalidArguments("A transaction does not close the database");
  }
}

function checkTimeout(timeout: number | undefined): number {
  if (timeout === undefined) return defaultTransactionTimeoutMs;
  if (typeof timeout === "number" && timeout > 0 && Number.isFinite(timeout)) return timeout;
  throw invalidArguments("The timeout of a transaction is a positive finite number of milliseconds");
}
