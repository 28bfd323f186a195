import type { Tasks, Timer } from "@holdfast/core";

/** Times of a node's session, in milliseconds. */
export interface LeaseTiming {
  /** Time after a renewal at which the store lets others take the leases. */
  readonly ttlMs: number;
  readonly renewMs: number;
  /** Safety margin: a node serves only until `ttlMs - maxDriftMs` after it sent its last renewal. */
  readonly maxDriftMs: number;
}

export interface ValidityOptions {
  readonly tasks: Tasks;
  /** Monotonic time in milliseconds. */
  readonly monotonic: () => number;
  readonly timing: LeaseTiming;
  /** Called when the time has passed without a renewal. */
  expired(): void;
}

/** How long the leases of a session may be used, on the monotonic clock of this process. */
export class SessionValidity {
  readonly #options: ValidityOptions;
  #until = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;

  constructor(options: ValidityOptions) {
    this.#options = options;
  }

  /** Time in milliseconds; negative once the session may not be used. */
  get remainingMs(): number {
    return this.#until - this.#options.monotonic();
  }

  /** The store has renewed the session, when asked at this monotonic time. */
  extend(sentAt: number): void {
    const { ttlMs, maxDriftMs } = this.#options.timing;
    this.#until = sentAt + ttlMs - maxDriftMs;
    if (this.#timer === undefined) this.#wait();
  }

  /** Others have the leases. */
  end(): void {
    this.stop();
    this.#until = Number.NEGATIVE_INFINITY;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** One timer for many renewals: it waits again if there was one. */
  #wait(): void {
    this.#timer = this.#options.tasks.after(Math.max(1, Math.ceil(this.remainingMs)), () => {
      this.#timer = undefined;
      if (this.remainingMs > 0) this.#wait();
      else this.#options.expired();
    });
  }
}
