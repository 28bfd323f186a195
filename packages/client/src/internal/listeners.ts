/** Callbacks of one kind. One that throws does not keep the others from being called. */
export class Listeners<Args extends readonly unknown[]> {
  readonly #callbacks = new Set<(...args: Args) => void>();

  add(callback: (...args: Args) => void): () => void {
    const entry = (...args: Args): void => callback(...args);
    this.#callbacks.add(entry);
    return () => {
      this.#callbacks.delete(entry);
    };
  }

  emit(...args: Args): void {
    for (const callback of [...this.#callbacks]) callOutside(callback, args);
  }
}

/** Calls user code; what it throws is reported as the runtime reports an unhandled rejection. */
export function callOutside<Args extends readonly unknown[]>(
  callback: (...args: Args) => void,
  args: Args,
): void {
  try {
    callback(...args);
  } catch (error) {
    void Promise.reject(error);
  }
}
