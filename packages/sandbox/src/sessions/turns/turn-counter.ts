/** The turns that a session's agent is in, whoever asked for them, and who waits for the end of all. */
export class TurnCounter {
  readonly #waiters = new Set<() => void>();
  #count = 0;
  #areCancelled = false;

  get any(): boolean {
    return this.#count > 0;
  }

  /** True from a cancel until the last turn has ended. */
  get areCancelled(): boolean {
    return this.#areCancelled;
  }

  begin(): void {
    this.#count += 1;
  }

  /** One turn has ended; to be called while there is {@link any}. */
  end(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#settle();
  }

  /** No process is left that could be in a turn. */
  endAll(): void {
    this.#count = 0;
    this.#settle();
  }

  /** Resolves when no turn runs any more; to be called while there is {@link any}. */
  cancel(): Promise<void> {
    this.#areCancelled = true;
    return new Promise((resolve) => this.#waiters.add(resolve));
  }

  #settle(): void {
    this.#areCancelled = false;
    for (const resolve of this.#waiters) resolve();
    this.#waiters.clear();
  }
}
