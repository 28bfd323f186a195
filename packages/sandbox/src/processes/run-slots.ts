import { problem } from "../http/problem.ts";

/**
 * Places for so many commands at once. Who finds none waits in line, as long as the line is no longer
 * than it may be: a burst is served late, and only a flood is refused.
 */
export class RunSlots {
  readonly #most: number;
  readonly #longestLine: number;
  readonly #line = new Set<() => void>();
  #taken = 0;

  constructor(most: number, longestLine: number) {
    this.#most = most;
    this.#longestLine = longestLine;
  }

  /**
   * Does `work` in a place of its own. Rejects with the reason of `signal` when that aborts in the line,
   * and with `conflict` when the line is full.
   */
  async use<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#take(signal);
    try {
      return await work();
    } finally {
      this.#give();
    }
  }

  async #take(signal: AbortSignal): Promise<void> {
    if (this.#taken < this.#most) {
      this.#taken += 1;
      return;
    }
    if (this.#line.size >= this.#longestLine) {
      const detail = `max concurrent run limit reached (${this.#most}, and ${this.#longestLine} wait)`;
      throw problem("conflict", 409, detail);
    }
    signal.throwIfAborted();
    const turn = Promise.withResolvers<void>();
    const leave = () => {
      this.#line.delete(turn.resolve);
      turn.reject(signal.reason);
    };
    this.#line.add(turn.resolve);
    signal.addEventListener("abort", leave);
    await turn.promise.finally(() => signal.removeEventListener("abort", leave));
  }

  /** The place goes to the first in the line, who need not take it then. */
  #give(): void {
    const [first] = this.#line;
    if (first === undefined) {
      this.#taken -= 1;
      return;
    }
    this.#line.delete(first);
    first();
  }
}
