/** Runs concurrent loads. Only the newest delivers its result; older ones settle together with it. */
export class LatestLoad {
  #newest: Promise<void> | undefined;
  #owner: unknown;

  /**
   * Resolves once `deliver` has the result, or that of a newer load of the same owner. Loads of other owners are not
   * awaited.
   */
  run<Answer>(owner: unknown, answer: Promise<Answer>, deliver: (answer: Answer) => void): Promise<void> {
    const load: Promise<void> = answer.then((value) => {
      if (this.#newest !== load) return this.#owner === owner ? this.#newest : undefined;
      deliver(value);
      return undefined;
    });
    this.#newest = load;
    this.#owner = owner;
    return load;
  }
}
