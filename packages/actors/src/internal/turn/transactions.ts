import { HoldfastError } from "@holdfast/core";
import type { Storage } from "../kv/storage.ts";
import type { ActorCore } from "../lifecycle/actor-core.ts";
import { stoppedError } from "../lifecycle/error-filter.ts";
import type { Parts } from "../lifecycle/parts.ts";
import { LazySet } from "../util/lazy.ts";
import type { ChangeCollector } from "./change-collector.ts";
import type { HeldTurn } from "./commit-queue.ts";
import { findLockHolder } from "./outside-transaction.ts";

/** The components that take part in a transaction. */
interface TransactionsDependencies
  extends Pick<ActorCore, "definition" | "phase" | "ports" | "queue" | "state" | "transactionLock" | "turn"> {
  readonly changes: ChangeCollector;
  readonly existingStorage: Storage | undefined;
  readonly existingParts: Parts | undefined;
}

/**
 * Runs the transactions of one actor one at a time. A transaction starts when all running work has ended or waits for
 * a transaction itself, and all writes so far are durable. Until it ends, no turn is committed and no output is
 * released.
 */
export class Transactions {
  readonly #actor: TransactionsDependencies;
  /** Contexts whose transaction is open or waiting. */
  readonly #owners = new LazySet<object>();
  #last: Promise<void> | undefined;
  #open = false;
  /** The context whose transaction is open. */
  #owner: object | undefined;
  /** Settles when the exclusive transaction ends; other contexts wait for it. */
  #exclusive: PromiseWithResolvers<void> | undefined;
  /** The turn and outputs that the open transaction holds back. */
  #heldTurn: HeldTurn | undefined;

  constructor(actor: TransactionsDependencies) {
    this.#actor = actor;
  }

  get open(): boolean {
    return this.#open;
  }

  /** The open transaction if it belongs to this context: the same object until it ends. */
  openOf(owner: object): object | undefined {
    return this.#open && this.#owner === owner ? this.#heldTurn : undefined;
  }

  /** Resolves when no other context's transaction is exclusive; undefined if none is. */
  whenOthersEnd(owner: object): Promise<void> | undefined {
    // The context's own transaction may be waiting for the code that continues here.
    return this.#owners.has(owner) ? undefined : this.#exclusive?.promise;
  }

  async run<T>(owner: object, fn: () => T | Promise<T>): Promise<T> {
    const { transactionLock } = this.#actor;
    if (this.#owners.has(owner)) throw nestedError();
    const before = this.#last;
    const mine = Promise.withResolvers<void>();
    this.#last = mine.promise;
    this.#owners.add(owner);
    transactionLock.hold();
    const holder = findLockHolder(owner);
    const parks = holder !== undefined && transactionLock.park(holder);
    const alone = Promise.withResolvers<void>();
    try {
      await this.#waitForTurn(before, alone);
      this.#owner = owner;
      return await this.#perform(fn);
    } finally {
      if (this.#exclusive === alone) this.#releaseOthers();
      if (parks) transactionLock.unpark(holder);
      this.#owners.delete(owner);
      if (this.#owner === owner) this.#owner = undefined;
      // If this transaction gives up, the next one still has to wait for those before it.
      mine.resolve(before);
      transactionLock.release();
    }
  }

  /** Waits for earlier transactions, for running work, and until all writes are durable. */
  async #waitForTurn(before: Promise<void> | undefined, alone: PromiseWithResolvers<void>): Promise<void> {
    const actor = this.#actor;
    const { actionTimeout } = actor.definition.options;
    const late = Promise.withResolvers<never>();
    const timer = actor.ports.tasks.after(actionTimeout, () => late.reject(timedOutError(actionTimeout)));
    try {
      if (before !== undefined) await Promise.race([before, late.promise]);
      const { transactionLock } = actor;
      // Work that was parked may have resumed before this continues.
      for (
        let drained = transactionLock.drained();
        drained !== undefined;
        drained = transactionLock.drained()
      ) {
        await Promise.race([drained, late.promise]);
      }
      this.#exclusive = alone;
      while (actor.changes.unsettled) await Promise.race([actor.queue.durable(), late.promise]);
    } finally {
      timer.cancel();
    }
    if (actor.phase.sealed) throw stoppedError();
  }

  async #perform<T>(fn: () => T | Promise<T>): Promise<T> {
    const transaction = this.#actor.existingParts?.existingDatabase?.transaction;
    this.#savepoint();
    try {
      return await (transaction === undefined ? this.#work(fn) : transaction(() => this.#work(fn)));
    } catch (error) {
      // After a transaction of the store, in which nothing may be committed that it rolls back.
      this.rollback();
      throw error;
    }
  }

  async #work<T>(fn: () => T | Promise<T>): Promise<T> {
    const actor = this.#actor;
    let result: T;
    try {
      result = await (actor.turn.enter(fn) as T | Promise<T>);
    } finally {
      // Statements that were not awaited belong to the transaction as well.
      await actor.existingParts?.existingDatabase?.settled();
    }
    if (this.#open) await actor.state.validate();
    if (!this.#open) throw stoppedError();
    this.#open = false;
    this.#commit();
    return result;
  }

  /** Rolls back the open transaction, if there is one. */
  rollback(): void {
    if (!this.#open) return;
    this.#open = false;
    const { state, existingStorage, existingParts } = this.#actor;
    state.rollback();
    existingStorage?.rollback();
    existingParts?.rollback();
    this.#heldTurn?.revert(rolledBackError());
    // When the actor stops, a transaction that never ends must not block others.
    this.#releaseOthers();
  }

  #releaseOthers(): void {
    this.#exclusive?.resolve();
    this.#exclusive = undefined;
  }

  #savepoint(): void {
    const { queue, state, existingStorage, existingParts } = this.#actor;
    const held = queue.transaction();
    try {
      // First, because it may throw: then nothing has to be undone.
      existingParts?.savepoint();
    } catch (error) {
      held.commit();
      throw error;
    }
    this.#heldTurn = held;
    this.#open = true;
    state.savepoint();
    existingStorage?.savepoint();
  }

  /** Changes since `#savepoint` become one turn. */
  #commit(): void {
    const { queue, state, existingStorage, existingParts } = this.#actor;
    state.keep();
    existingStorage?.keep();
    existingParts?.keep();
    // While the turn is held, so that it is also one commit with relaxed durability.
    queue.close();
    this.#heldTurn?.commit();
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
  const message = `Other actions did not end within ${timeoutMs} ms, so the transaction has not started`;
  return new HoldfastError("actor", "transaction_timed_out", message, {
    metadata: { timeoutMs },
    statusCode: 408,
  });
}
