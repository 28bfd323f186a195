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

  /**
   * Calls those who listen now, also where one of them ends its listening or throws. Returns how many have
   * taken the value.
   */
  call(sessionId: string, value: Value): number {
    let taken = 0;
    for (const listener of [...(this.#listeners.get(sessionId) ?? [])]) {
      if (callListener(listener, value)) taken += 1;
    }
    return taken;
  }
}

/**
 * Calls a listener. What it throws, or rejects with where it is asynchronous, is reported and concerns nobody
 * else: neither the connection nor the process. False where it has thrown.
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
