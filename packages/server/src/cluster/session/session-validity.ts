/** The session of a node: how long it is valid, its renewal, and reads of the store that need it. */
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
  /** Time of the machine's clock in milliseconds. */
  readonly wall: () => number;
  readonly timing: LeaseTiming;
  /** Called when the time has passed without a renewal. */
  expired(): void;
}

/** A point in time, on both clocks of a machine. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

/**
 * How long the leases of a session may be used. The monotonic clock cannot be set, but stands still while a platform
 * suspends the machine; the other clock is right again afterwards. The one that says that more time has passed counts.
 */
export class SessionValidity {
  readonly #options: ValidityOptions;
  /** When the last renewal was sent; undefined without a session. */
  #renewed: Moment | undefined;
  #timer: Timer | undefined;

  constructor(options: ValidityOptions) {
    this.#options = options;
  }

  /** Time in milliseconds; negative once the session may not be used. */
  get remainingMs(): number {
    if (this.#renewed === undefined) return Number.NEGATIVE_INFINITY;
    const { ttlMs, maxDriftMs } = this.#options.timing;
    return Math.min(this.#countedMs, this.#renewed.wall + ttlMs - maxDriftMs - this.#options.wall());
  }

  /**
   * True if only the machine's clock says that the time has passed. The machine was suspended, or its clock was set: the
   * store knows which.
   */
  get isDoubtful(): boolean {
    return this.#countedMs > 0 && this.remainingMs <= 0;
  }

  /** Remaining time by the monotonic clock alone, in milliseconds. */
  get #countedMs(): number {
    if (this.#renewed === undefined) return Number.NEGATIVE_INFINITY;
    const { ttlMs, maxDriftMs } = this.#options.timing;
    return this.#renewed.monotonic + ttlMs - maxDriftMs - this.#options.monotonic();
  }

  /** Now, for a renewal that is about to be sent. */
  moment(): Moment {
    return { monotonic: this.#options.monotonic(), wall: this.#options.wall() };
  }

  /** The store has renewed the session, when asked at this moment. */
  extend(sent: Moment): void {
    this.#renewed = sent;
    if (this.#timer === undefined) this.#wait();
  }

  /** Others have the leases. */
  end(): void {
    this.stop();
    this.#renewed = undefined;
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** One timer for many renewals: it waits again if there was one. */
  #wait(): void {
    this.#timer = this.#options.tasks.after(Math.max(1, Math.ceil(this.#countedMs)), () => {
      this.#timer = undefined;
      if (this.#countedMs > 0) this.#wait();
      else this.#options.expired();
    });
  }
}
