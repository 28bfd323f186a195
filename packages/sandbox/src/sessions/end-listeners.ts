/** Why nothing more of a session is told: it was deleted, or its server closes and keeps it as it can. */
export type EndReason = "deleted" | "closing";

/** Those who want to hear of the end of a session. */
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
