/** Shared by all responses: creating an error costs more than the rest of a small response. */
const completedReason = new Error("the answer is complete");

/** Abort signal of one client connection. It is created on first use, because most handlers never need it. */
export class ClientGone {
  #controller: AbortController | undefined;
  #isClosed = false;

  /** Aborts when the connection closes. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#isClosed) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  /** Reports that the connection closed. `isComplete` means that the response was sent completely. */
  connectionClosed(isComplete: boolean): void {
    this.#isClosed = true;
    if (isComplete) this.#controller?.abort(completedReason);
    else this.#controller?.abort();
  }
}
