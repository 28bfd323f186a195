/** Receives the errors that callbacks throw. */
export type Report = (error: unknown) => void;

/** Set of callbacks. One that throws does not prevent the others from running. */
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

  /** Calls one callback, unless it was removed. */
  notify(callback: (...args: Args) => void, ...args: Args): void {
    if (this.#callbacks.has(callback)) callUserCode(callback, args, this.#report);
  }

  emit(...args: Args): void {
    for (const callback of [...this.#callbacks]) callUserCode(callback, args, this.#report);
  }
}

/** Runs user code and reports what it throws, so that it cannot break the connection or the process. */
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
  console.error("A connection callback threw:", error);
}
