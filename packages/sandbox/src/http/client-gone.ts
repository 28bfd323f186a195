/** One for all: to make one costs more than the rest of a small answer, and nobody reads it. */
const complete = new Error("the answer is complete");

/** Whether a client is still there. Most handlers never ask, and cost no signal then. */
export class ClientGone {
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

  /** The connection has let go of the answer; `isComplete` when all of it was sent. */
  tell(isComplete: boolean): void {
    this.#gone = true;
    if (isComplete) this.#controller?.abort(complete);
    else this.#controller?.abort();
  }
}
