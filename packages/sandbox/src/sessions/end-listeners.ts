/** Why the stream of a session ends: the session was deleted, or the server closes. */
export type EndReason = "deleted" | "closing";

/** Listeners for the end of a session. */
export class EndListeners {
  readonly #listeners = new Set<(reason: EndReason) => void>();

  listen(listener: (reason: EndReason) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  notify(reason: EndReason): void {
    for (const listener of this.#listeners) listener(reason);
  }
}
