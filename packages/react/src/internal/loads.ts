/** Concurrent loads, of which only the newest counts; an older one ends together with it. */
export class LatestLoad {
  #newest: Promise<void> | undefined;
  #owner: unknown;

  /**
   * Resolves once `tell` has the result, or that of a newer load of the same owner. Loads of other owners are not
   * awaited.
   */
  begin<Answer>(owner: unknown, answer: Promise<Answer>, tell: (answer: Answer) => void): Promise<void> {
    const told: Promise<void> = answer.then((value) => {
      if (this.#newest !== told) return this.#owner === owner ? this.#newest : undefined;
      tell(value);
      return undefined;
    });
    this.#newest = told;
    this.#owner = owner;
    return told;
  }
}
