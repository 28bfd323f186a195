/** Hears what a callback throws. */
export type Report = (error: unknown) => void;

/** Callbacks of one kind, each once. One that throws does not keep the others from being called. */
export class Listeners<Args extends readonly unknown[]> {
  readonly #callbacks = new Set<(...args: Args) => void>();
  readonly #report: Report;

  constructor(report: Report) {
    this.#report = report;
  }

  add(callback: (...args: Args) => void): () => void {
    this.#callbacks.add(callback);
    return () => {
      this.#callbacks.delete(callback);
    };
  }

  /** Calls one that is late, unless it has been taken away meanwhile. */
  tell(callback: (...args: Args) => void, ...args: Args): void {
    if (this.#callbacks.has(callback)) callUserCode(callback, args, this.#report);
  }

  emit(...args: Args): void {
    for (const callback of [...this.#callbacks]) callUserCode(callback, args, this.#report);
  }
}

/** Calls user code; what it throws is told, and ends nothing: neither the connection nor the process. */
export function callUserCode<Args extends readonly unknown[]>(
  callback: (...args: Args) => void,
  args: Args,
  report: Report,
): void {
  try {
    callback(...args);
  } catch (error) {
    report(error);
  }
}

export function reportToConsole(error: unknown): void {
  console.error("a callback of a connection threw", error);
}
