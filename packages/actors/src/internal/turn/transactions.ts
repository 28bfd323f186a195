import { HoldfastError } from "@holdfast/core";
import type { Storage } from "../kv/storage.ts";
import { stoppedError } from "../lifecycle/error-filter.ts";
import type { Parts } from "../lifecycle/parts.ts";
import type { RunningActor } from "../lifecycle/running-actor.ts";
import { LazySet } from "../util/lazy.ts";
import type { ActorState } from "./actor-state.ts";
import type { HeldTurn } from "./commit-queue.ts";
import { lockHolderOf } from "./outside-transaction.ts";

/** What transactions need of their actor. */
export interface TransactionsOwner extends RunningActor {
  readonly stateHolder: ActorState;
  readonly existingStorage: Storage | undefined;
  readonly existingParts: Parts | undefined;
  /** A write has not been handed to the store, or its commit has not landed. */
  readonly unsettled: boolean;
}

/**
 * Runs the transactions of one actor one after the other. A transaction begins when all running work has ended
 * or waits for a transaction itself, and all writes so far are durable. Until it ends, no turn is committed and
 * no output leaves.
 */
export class Transactions {
  readonly #runtime: TransactionsOwner;
  /** Contexts whose transaction is open or waiting. */
  readonly #owners = new LazySet<object>();
  #last: Promise<void> | undefined;
  #open = false;
  /** Whose transaction is open. */
  #owner: object | undefined;
  /** Settles when the exclusive transaction ends; other contexts wait for it. */
  #alone: PromiseWithResolvers<void> | undefined;
  /** The turn and the outputs that the open transaction holds back. */
  #held: HeldTurn | undefined;

  constructor(runtime: TransactionsOwner) {
    this.#runtime = runtime;
  }

  get open(): boolean {
    return this.#open;
  }

  /** The open transaction if it belongs to this context: the same object until it ends. */
  openOf(owner: object): object | undefined {
    return this.#open && this.#owner === owner ? this.#held : undefined;
  }

  /** Resolves when no other context's transaction is exclusive; undefined if none is. */
  othersEnd(owner: object): Promise<void> | undefined {
    // A context's own transaction may wait for what continues here.
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
      if (this.#alone === alone) this.#releaseOthers();
      if (parks) transactionLock.unpark(holder);
      this.#owners.delete(owner);
      if (this.#owner === owner) this.#owner = undefined;
      // If this one gave up waiting, the next must still wait for those before it.
      mine.resolve(before);
      transactionLock.release();
    }
  }

  /** Waits for earlier transactions, for running work, and until all writes are durable. */
  async #turn(before: Promise<void> | undefined, alone: PromiseWithResolvers<void>): Promise<void> {
    const runtime = this.#runtime;
    const { actionTimeout } = runtime.definition.options;
    const late = Promise.withResolvers<never>();
    const timer = runtime.ports.tasks.after(actionTimeout, () => late.reject(timedOutError(actionTimeout)));
    try {
      if (before !== undefined) await Promise.race([before, late.promise]);
      const { transactionLock } = runtime;
      // Work that was parked may have resumed before this continues.
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
        // Statements that were not awaited belong to the transaction as well.
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

  /** Rolls back the open transaction, if there is one. */
  rollback(): void {
    if (!this.#open) return;
    this.#open = false;
    const { stateHolder, existingStorage, existingParts } = this.#runtime;
    stateHolder.rollback();
    existingStorage?.rollback();
    existingParts?.rollback();
    this.#held?.revert(rolledBackError());
    // When the actor stops, a transaction that never ends must not block others.
    this.#releaseOthers();
  }

  #releaseOthers(): void {
    this.#alone?.resolve();
    this.#alone = undefined;
  }

  #savepoint(): void {
    const { queue, stateHolder, existingStorage, existingParts } = this.#runtime;
    const held = queue.transaction();
    try {
      // First, because it may throw: nothing has to be undone then.
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
    // While the turn is held, so that it is one commit with relaxed durability as well.
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
