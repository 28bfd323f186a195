import type { Tasks } from "./ports.ts";

/** Knows whether anybody has asked for its outcome. What follows from it is an ordinary promise. */
class Attended<T> extends Promise<T> {
  isAttended = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: `await` asks a subclass here, which is how it can tell.
  override then<Value = T, Other = never>(
    onFulfilled?: ((value: T) => Value | PromiseLike<Value>) | null,
    onRejected?: ((reason: unknown) => Other | PromiseLike<Other>) | null,
  ): Promise<Value | Other> {
    this.isAttended = true;
    return super.then(onFulfilled, onRejected);
  }
}

/**
 * The outcome of `work`, for a caller who may leave it to itself: `report` gets the error of work of which nobody
 * has asked for the outcome by the macrotask after it, where an ordinary promise would end the process.
 */
export function trackRejection<T>(
  work: Promise<T>,
  tasks: Pick<Tasks, "macrotask">,
  report: (error: unknown) => void,
): Promise<T> {
  const outcome = new Attended<T>((resolve, reject) => {
    work.then(resolve, reject);
  });
  // Not the method of its own, which would take this for somebody who asks.
  Promise.prototype.then.call(outcome, undefined, (error: unknown) => {
    tasks.macrotask(() => {
      if (!outcome.isAttended) report(error);
    });
  });
  return outcome;
}
