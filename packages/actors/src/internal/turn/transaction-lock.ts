import type { HoldfastError } from "@holdfast/core";

interface Waiter {
  begin(): void;
  refuse(error: HoldfastError): void;
}

/** A piece of work that has a place inside, for as long as `entered` says so. */
export interface LockHolder {
  readonly entered: boolean;
  /** It waits for a transaction of its own. */
  parked: boolean;
}

/**
 * Lets work into an actor: at once as a rule, one action at a time in a serial actor, and in the order
 * of arrival once nothing holds it up any more.
 */
export class TransactionLock {
  readonly #serial: boolean;
  /** Transactions and blocks that let nothing begin. */
  #holds = 0;
  #inside = 0;
  readonly #waiting: Waiter[] = [];
  /** Those that take no place: they wait for what holds work up, and for nobody inside. */
  readonly #passing: Waiter[] = [];
  #quiet: (() => void) | undefined;
  /** Those inside that wait for their own transaction: it need not wait for them. */
  #parked = 0;

  constructor(serial: boolean) {
    this.#serial = serial;
  }

  /**
   * Undefined where work may begin now, else a promise of it; rejects when the actor stops before.
   * Whoever has entered calls `leave` at the end.
   */
  enter(): Promise<void> | undefined {
    if (this.#waiting.length === 0 && this.#mayBegin) {
      this.#inside++;
      return undefined;
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ begin: resolve, refuse: reject });
    });
  }

  leave(): void {
    this.#inside--;
    this.#tell();
    this.#admit();
  }

  /** Undefined where nothing holds new work up, else a promise of that; nothing has to leave. */
  pass(): Promise<void> | undefined {
    if (this.#holds === 0) return undefined;
    return new Promise((resolve, reject) => {
      this.#passing.push({ begin: resolve, refuse: reject });
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

  /** One inside waits for others to leave. False for one that is not inside any more, or waits already. */
  park(holder: LockHolder): boolean {
    if (!holder.entered || holder.parked) return false;
    holder.parked = true;
    this.#parked++;
    this.#tell();
    return true;
  }

  /** Idempotent: one may leave before the transaction that it does not wait for. */
  unpark(holder: LockHolder): void {
    if (!holder.parked) return;
    holder.parked = false;
    this.#parked--;
  }

  /** Resolves when everyone inside has left or is parked. One waits at a time. */
  quiet(): Promise<void> | undefined {
    if (this.#inside === this.#parked) return undefined;
    return new Promise((resolve) => {
      this.#quiet = resolve;
    });
  }

  /** Who still waits does not begin. */
  refuseAll(error: HoldfastError): void {
    for (const waiter of [...this.#passing.splice(0), ...this.#waiting.splice(0)]) waiter.refuse(error);
  }

  /** Nobody is inside, waits or holds anything up: a new one would do as well. */
  get isFree(): boolean {
    return (
      this.#holds === 0 && this.#inside === 0 && this.#waiting.length === 0 && this.#passing.length === 0
    );
  }

  get #mayBegin(): boolean {
    return this.#holds === 0 && !(this.#serial && this.#inside > 0);
  }

  #admit(): void {
    if (this.#holds > 0) return;
    for (const waiter of this.#passing.splice(0)) waiter.begin();
    while (this.#mayBegin) {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) return;
      this.#inside++;
      waiter.begin();
    }
  }

  #tell(): void {
    if (this.#inside !== this.#parked) return;
    this.#quiet?.();
    this.#quiet = undefined;
  }
}
