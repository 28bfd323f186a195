import type { ActorInstance } from "@holdfast/actors";

type Callback = (instance: ActorInstance) => void;

/** Listeners for actors that come into memory. */
export class Starts {
  readonly #waiting = new Map<string, Set<Callback>>();

  /** Adds a listener; the returned function removes it. */
  listen(id: string, callback: Callback): () => void {
    const callbacks = this.#waiting.get(id) ?? new Set();
    callbacks.add(callback);
    this.#waiting.set(id, callbacks);
    return () => {
      callbacks.delete(callback);
      if (callbacks.size === 0 && this.#waiting.get(id) === callbacks) this.#waiting.delete(id);
    };
  }

  started(instance: ActorInstance): void {
    if (this.#waiting.size === 0) return;
    for (const callback of this.#waiting.get(instance.id) ?? []) callback(instance);
  }
}
