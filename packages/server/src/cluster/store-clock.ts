import type { Clock } from "@holdfast/core";

/**
 * Clock of a node: the time of the store, carried on by the monotonic clock. All nodes thus agree on what is due and
 * what has expired, however wrong the clocks of their machines are.
 */
export class StoreClock implements Clock {
  readonly #local: Clock;
  readonly #monotonic: () => number;
  /** Time of the store at which the monotonic clock was 0; undefined before the first reading. */
  #offset: number | undefined;

  /** `local` is used before the first reading. */
  constructor(local: Clock, monotonic: () => number) {
    this.#local = local;
    this.#monotonic = monotonic;
  }

  now(): number {
    return this.#offset === undefined ? this.#local.now() : Math.floor(this.#monotonic() + this.#offset);
  }

  /** Time of the store minus that of this machine, in milliseconds; 0 before the first reading. */
  get differsByMs(): number {
    return this.#offset === undefined ? 0 : this.now() - this.#local.now();
  }

  /**
   * Takes up a reading of the store's time that was asked for at the monotonic time `sentAt` and has just arrived. The
   * store read its clock at some time in between: only a difference that this cannot explain is corrected, so that
   * the time does not jump with the latency of each reading.
   */
  adjust(storeNow: number, sentAt: number): void {
    const earliest = storeNow - this.#monotonic();
    // The store's time is in whole milliseconds.
    const latest = storeNow + 1 - sentAt;
    const offset = this.#offset ?? (earliest + latest) / 2;
    this.#offset = Math.min(Math.max(offset, earliest), latest);
  }
}
