/** Counts the running turns of a session's agent, including those of raw clients, and resolves waiters at 0. */
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

  /** One turn has ended. Call only while {@link any} is true. */
  end(): void {
    this.#count -= 1;
    if (this.#count === 0) this.#settle();
  }

  /** The agent process has ended, and all turns with it. */
  endAll(): void {
    this.#count = 0;
    this.#settle();
  }

  /** Marks the turns as cancelled and resolves when all have ended. Call only while {@link any} is true. */
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
