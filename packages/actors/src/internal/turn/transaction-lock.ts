import type { HoldfastError } from "@holdfast/core";

interface Waiter {
  admit(): void;
  reject(error: HoldfastError): void;
}

/** Work that has entered the actor; it holds a place while `entered` is true. */
export interface LockHolder {
  readonly entered: boolean;
  /** It waits for its own transaction, which need not wait for it. */
  parked: boolean;
}

/**
 * Admits work to an actor: normally at once, one action at a time in a serial actor, and never while a
 * transaction or `blockConcurrencyWhile` holds the lock. Waiting work enters in order of arrival.
 */
export class TransactionLock {
  readonly #serial: boolean;
  /** Transactions and blocks that hold the lock. */
  #holds = 0;
  #inside = 0;
  readonly #waiting: Waiter[] = [];
  /** Work that takes no place: it waits for holders of the lock, but not for actions inside. */
  readonly #passing: Waiter[] = [];
  #onDrained: (() => void) | undefined;
  /** Work inside that waits for its own transaction. */
  #parked = 0;

  constructor(serial: boolean) {
    this.#serial = serial;
  }

  /**
   * Returns undefined if work may begin now, else a promise that resolves when it may and rejects if the actor
   * stops first. Work that has entered calls `leave` when it ends.
   */
  enter(): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#canAdmit) {
      this.#inside++;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ admit: resolve, reject: reject });
    });
  }

  leave(): void {
    this.#inside--;
    this.#notify();
    this.#admit();
  }

  /** Returns undefined if nothing holds the lock, else a promise. Takes no place, so there is no `leave`. */
  pass(): Promise<void> | undefined {
    if (this.#holds === 0) return undefined;
    return new Promise((resolve, reject) => {
      this.#passing.push({ admit: resolve, reject: reject });
    });
  }

  /** Nothing begins until `release`. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
    this.#admit();
  }

  /** Marks work inside as waiting for its transaction. Returns false if it is not inside or is parked already. */
  park(holder: LockHolder): boolean {
    if (!holder.entered || holder.parked) return false;
    holder.parked = true;
    this.#parked++;
    this.#notify();
    return true;
  }

  /** Idempotent: work may leave before a transaction that it did not await. */
  unpark(holder: LockHolder): void {
    if (!holder.parked) return;
    holder.parked = false;
    this.#parked--;
  }

  /** Resolves when everyone inside has left or is parked. One waits at a time. */
  drained(): Promise<void> | undefined {
    if (this.#inside === this.#parked) return undefined;
    return new Promise((resolve) => {
      this.#onDrained = resolve;
    });
  }

  /** Rejects all waiting work. */
  rejectAll(error: HoldfastError): void {
    for (const waiter of [...this.#passing.splice(0), ...this.#waiting.splice(0)]) waiter.reject(error);
  }

  /** True if the lock has no holder, no work inside and none waiting, so that it can be dropped. */
  get isFree(): boolean {
    return (
      this.#holds === 0 && this.#inside === 0 && this.#waiting.length === 0 && this.#passing.length === 0
    );
  }

  get #canAdmit(): boolean {
    return this.#holds === 0 && !(this.#serial && this.#inside > 0);
  }

  #admit(): void {
    if (this.#holds > 0) return;
    for (const waiter of this.#passing.splice(0)) waiter.admit();
    while (this.#canAdmit) {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) return;
      this.#inside++;
      waiter.admit();
    }
  }

  #notify(): void {
    if (this.#inside !== this.#parked) return;
    this.#onDrained?.();
    this.#onDrained = undefined;
  }
}
