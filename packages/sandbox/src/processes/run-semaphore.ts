import { problem } from "../http/problem.ts";

/**
 * Places for so many commands at once. Who finds none waits in line, as long as the line is no longer
 * than it may be: a burst is served late, and only a flood is refused.
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
   * Does `work` in a place of its own. Rejects with the reason of `signal` when that aborts in the line,
   * and with `conflict` when the line is full.
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

  /** The place goes to the first in the line, who need not take it then. */
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
