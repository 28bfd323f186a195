import { HoldfastError } from "@holdfast/core";
import type { Storage } from "../kv/storage.ts";
import { stoppedError } from "../lifecycle/error-filter.ts";
import type { Parts } from "../lifecycle/parts.ts";
import type { RunningActor } from "../lifecycle/running-actor.ts";
import { LazySet } from "../util/lazy.ts";
import type { ActorState } from "./actor-state.ts";
import type { HeldTurn } from "./commit-queue.ts";
import { lockHolderOf } from "./outside-transaction.ts";

/** The actor whose transactions they are. */
export interface TransactionsOwner extends RunningActor {
  readonly stateHolder: ActorState;
  readonly existingStorage: Storage | undefined;
  readonly existingParts: Parts | undefined;
  /** Something that was written is not on its way to the store, or has not landed. */
  readonly unsettled: boolean;
}

/**
 * The transactions of one actor, one after the other. One begins when what ran before has ended or
 * waits for a transaction itself, and everything written so far is on its way; until it ends no turn
 * is committed and nothing leaves.
 */
export class Transactions {
  readonly #runtime: TransactionsOwner;
  /** Contexts with a transaction that is open or waits. */
  readonly #owners = new LazySet<object>();
  #last: Promise<void> | undefined;
  #open = false;
  /** Whose transaction is open. */
  #owner: object | undefined;
  /** Of the one that has the actor to itself: nobody else goes on before it has ended. */
  #alone: PromiseWithResolvers<void> | undefined;
  /** What the open transaction holds back. */
  #held: HeldTurn | undefined;

  constructor(runtime: TransactionsOwner) {
    this.#runtime = runtime;
  }

  get open(): boolean {
    return this.#open;
  }

  /** The transaction that is open, where it is that of this context: one object up to its end. */
  openOf(owner: object): object | undefined {
    return this.#open && this.#owner === owner ? this.#held : undefined;
  }

  /** Resolves when no transaction of others has the actor to itself; undefined where none has. */
  othersEnd(owner: object): Promise<void> | undefined {
    // One of its own may wait for what goes on then.
    return this.#owners.has(owner) ? undefined : this.#alone?.promise;
  }

  async run<T>(owner: object, fn: () => T | Promise<T>): Promise<T> {
    const { transactionLock } = this.#runtime;
    if (this.#owners.has(owner)) throw nestedError();
    const before = this.#last;
    const mine = Promise.withResolvers<void>();
    this.#last = mine.promise;
    this.#owners.add(owner);
    transactionLock.hold();
    const holder = lockHolderOf(owner);
    const parks = holder !== undefined && transactionLock.park(holder);
    const alone = Promise.withResolvers<void>();
    try {
      await this.#turn(before, alone);
      this.#owner = owner;
      return await this.#perform(fn);
    } finally {
      if (this.#alone === alone) this.#letOthersGoOn();
      if (parks) transactionLock.unpark(holder);
      this.#owners.delete(owner);
      if (this.#owner === owner) this.#owner = undefined;
      // Who has given up waiting lets the next wait on for those before it.
      mine.resolve(before);
      transactionLock.release();
    }
  }

  /** Waits for the transactions before, for what runs, and for what has been written. */
  async #turn(before: Promise<void> | undefined, alone: PromiseWithResolvers<void>): Promise<void> {
    const runtime = this.#runtime;
    const { actionTimeout } = runtime.definition.options;
    const late = Promise.withResolvers<never>();
    const timer = runtime.ports.tasks.after(actionTimeout, () => late.reject(timedOutError(actionTimeout)));
    try {
      if (before !== undefined) await Promise.race([before, late.promise]);
      const { transactionLock } = runtime;
      // Whoever has waited aside may be back before this is.
      for (let quiet = transactionLock.quiet(); quiet !== undefined; quiet = transactionLock.quiet()) {
        await Promise.race([quiet, late.promise]);
      }
      this.#alone = alone;
      while (runtime.unsettled) await Promise.race([runtime.queue.durable(), late.promise]);
    } finally {
      timer.cancel();
    }
    if (runtime.sealed) throw stoppedError();
  }

  async #perform<T>(fn: () => T | Promise<T>): Promise<T> {
    const runtime = this.#runtime;
    this.#savepoint();
    let result: T;
    try {
      try {
        result = await (runtime.enter(fn) as T | Promise<T>);
      } finally {
        // Statements that nobody waits for are part of it too.
        await runtime.existingParts?.existingDatabase?.settled();
      }
      if (this.#open) await runtime.stateHolder.validate();
    } catch (error) {
      this.rollback();
      throw error;
    }
    if (!this.#open) throw stoppedError();
    this.#open = false;
    this.#keep();
    return result;
  }

  /** Takes back what the open transaction has done, if there is one. */
  rollback(): void {
    if (!this.#open) return;
    this.#open = false;
    const { stateHolder, existingStorage, existingParts } = this.#runtime;
    stateHolder.rollback();
    existingStorage?.rollback();
    existingParts?.rollback();
    this.#held?.revert(rolledBackError());
    // Of an actor that stops, one that goes on for ever keeps nobody.
    this.#letOthersGoOn();
  }

  #letOthersGoOn(): void {
    this.#alone?.resolve();
    this.#alone = undefined;
  }

  #savepoint(): void {
    const { queue, stateHolder, existingStorage, existingParts } = this.#runtime;
    const held = queue.transaction();
    try {
      // First of all: where the database cannot begin, there is nothing to take back yet.
      existingParts?.savepoint();
    } catch (error) {
      held.commit();
      throw error;
    }
    this.#held = held;
    this.#open = true;
    stateHolder.savepoint();
    existingStorage?.savepoint();
  }

  /** What changed since `#savepoint` becomes one turn. */
  #keep(): void {
    const { queue, stateHolder, existingStorage, existingParts } = this.#runtime;
    stateHolder.keep();
    existingStorage?.keep();
    existingParts?.keep();
    // While it is held: what has changed is handed in as one, with relaxed durability too.
    queue.close();
    this.#held?.commit();
  }
}

function rolledBackError(): HoldfastError {
  const message = "The transaction in which this was sent has failed";
  return new HoldfastError("actor", "rolled_back", message, { statusCode: 500 });
}

function nestedError(): HoldfastError {
  const message = "This context has a transaction that has not ended; they cannot be nested";
  return new HoldfastError("actor", "nested_transaction", message, { statusCode: 500 });
}

function timedOutError(timeoutMs: number): HoldfastError {
  const message = `Other actions did not end within ${timeoutMs} ms, so the transaction has not begun`;
  return new HoldfastError("actor", "transaction_timed_out", message, {
    metadata: { timeoutMs },
    statusCode: 408,
  });
}
