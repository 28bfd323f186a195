import { problem } from "../http/problem.ts";

/**
 * Semaphore with a bounded FIFO queue that limits concurrent commands. A burst waits; only beyond `maxWaiting` is a
 * command rejected.
 */
export class RunSemaphore {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(maxRunning: number, maxWaiting: number) {
    this.#maxRunning = maxRunning;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Runs `work` once a slot is free. Rejects with the reason of `signal` when that aborts while waiting, and
   * with `conflict` when the queue is full.
   */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#acquire(signal);
    try {
      return await work();
    } finally {
      this.#release();
    }
  }

  async #acquire(signal: AbortSignal): Promise<void> {
    if (this.#running < this.#maxRunning) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.size >= this.#maxWaiting) {
      const detail = `max concurrent run limit reached (${this.#maxRunning} running, ${this.#maxWaiting} waiting)`;
      throw problem("conflict", 409, detail);
    }
    signal.throwIfAborted();
    const slot = Promise.withResolvers<void>();
    const leave = () => {
      this.#waiting.delete(slot.resolve);
      slot.reject(signal.reason);
    };
    this.#waiting.add(slot.resolve);
    signal.addEventListener("abort", leave);
    await slot.promise.finally(() => signal.removeEventListener("abort", leave));
  }

  /** Hands the slot to the first waiter, if any. */
  #release(): void {
    const [first] = this.#waiting;
    if (first === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(first);
    first();
  }
}
