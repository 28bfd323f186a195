/** Who listens to which session. */
export class SessionListeners<Value> {
  readonly #listeners = new Map<string, Set<(value: Value) => void>>();

  /** Returns what ends the listening. */
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

  /** Calls those who listen now, also where one of them ends its listening or throws. */
  call(sessionId: string, value: Value): void {
    for (const listener of [...(this.#listeners.get(sessionId) ?? [])]) callListener(listener, value);
  }
}

/** Calls a listener. What it throws is reported as any uncaught error is, and concerns nobody else. */
export function callListener<T>(listener: (value: T) => void, value: T): void {
  try {
    listener(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
