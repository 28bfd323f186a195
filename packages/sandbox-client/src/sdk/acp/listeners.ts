/** Listeners by session. */
export class SessionListeners<Value> {
  readonly #listeners = new Map<string, Set<(value: Value) => void>>();

  /** Returns a function that removes the listener. */
  add(sessionId: string, listener: (value: Value) => void): () => void {
    const listeners = this.#listeners.get(sessionId) ?? new Set();
    this.#listeners.set(sessionId, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(sessionId) === listeners)
        this.#listeners.delete(sessionId);
    };
  }

  has(sessionId: string): boolean {
    return this.#listeners.has(sessionId);
  }

  /** Calls all current listeners, even if one unsubscribes or throws. Returns how many did not throw. */
  call(sessionId: string, value: Value): number {
    let taken = 0;
    for (const listener of [...(this.#listeners.get(sessionId) ?? [])]) {
      if (callListener(listener, value)) taken += 1;
    }
    return taken;
  }
}

/**
 * Calls a listener. An error that it throws or rejects with is reported, and affects neither the connection nor the
 * process. Returns false if it threw.
 */
export function callListener<T>(listener: (value: T) => unknown, value: T): boolean {
  try {
    const result = listener(value);
    if (result instanceof Promise) result.catch(report);
    return true;
  } catch (error) {
    report(error);
    return false;
  }
}

function report(error: unknown): void {
  console.error("a listener of the sandbox client threw", error);
}
