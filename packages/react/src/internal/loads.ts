/** Loads of which the newest counts: an older one has nothing to tell, and is over when that is. */
export class Loads {
  #newest: Promise<void> | undefined;
  #owner: unknown;

  /**
   * Resolves once `tell` has the answer, or that of a load of the same owner that began later has told its
   * own. What another owner loads is not waited for.
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
