/** Number of operations of ended code that are answered with an error. */
const mostRefused = 1_000;

/**
 * Limits the answers to code whose operations are refused because it has ended. Code that catches the error and
 * retries forever eventually gets no answer.
 */
export class RefusalLimit {
  #refused = 0;
  readonly #abandoned = Promise.withResolvers<never>();

  constructor() {
    this.#abandoned.promise.catch(() => {});
  }

  /** Rejects when the code continues endlessly although it has ended. */
  get abandoned(): Promise<never> {
    return this.#abandoned.promise;
  }

  /** Counts a refused operation; returns true if it must stay unanswered. */
  refuse(reason: Error): boolean {
    if (++this.#refused <= mostRefused) return false;
    this.#abandoned.reject(reason);
    return true;
  }
}
