/** How many operations of code that is over are answered with why. */
const mostRefused = 1_000;

/**
 * How long code is answered whose operations are refused because it is over. Code that catches that and
 * tries again for ever gets no answer any more.
 */
export class RefusalLimit {
  #refused = 0;
  readonly #abandoned = Promise.withResolvers<never>();

  constructor() {
    this.#abandoned.promise.catch(() => {});
  }

  /** Rejects when the code goes on and on although nothing is done for it any more. */
  get abandoned(): Promise<never> {
    return this.#abandoned.promise;
  }

  /** An operation is refused: true when the code is not to hear of it any more. */
  refuse(reason: Error): boolean {
    if (++this.#refused <= mostRefused) return false;
    this.#abandoned.reject(reason);
    return true;
  }
}
