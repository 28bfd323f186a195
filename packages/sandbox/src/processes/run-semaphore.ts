import { problem } from "../http/problem.ts";

/**
 * Semaphore with a bounded FIFO queue: limits how many commands run at once. A burst waits; only beyond
 * `maxWaiting` is a command refused.
 */
export class RunSemaphore {
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #waiting = new Set<() => void>();
  #running = 0;

  constructor(most: number, longestLine: number) {
    this.#maxRunning = most;
    this.#maxWaiting = longestLine;
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
      const detail = `max concurrent run limit reached (${this.#maxRunning}, and ${this.#maxWaiting} wait)`;
      throw problem("conflict", 409, detail);
    }
    signal.throwIfAborted();
    const turn = Promise.withResolvers<void>();
    const leave = () => {
      this.#waiting.delete(turn.resolve);
      turn.reject(signal.reason);
    };
    this.#waiting.add(turn.resolve);
    signal.addEventListener("abort", leave);
    await turn.promise.finally(() => signal.removeEventListener("abort", leave));
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
