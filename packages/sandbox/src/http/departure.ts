/** Whether a client is still there. Most handlers never ask, and cost no signal then. */
export class Departure {
  #controller: AbortController | undefined;
  #gone = false;

  /** Aborted when the client is gone. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#gone) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  tell(): void {
    this.#gone = true;
    this.#controller?.abort();
  }
}
