import type { Tasks } from "./ports.ts";

/** Promise that knows whether somebody waits for it. What is chained to it is an ordinary promise. */
class ObservedPromise<T> extends Promise<T> {
  isObserved = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // biome-ignore lint/suspicious/noThenProperty: `await` asks a subclass here, which is how it can tell.
  override then<Value = T, Other = never>(
    onFulfilled?: ((value: T) => Value | PromiseLike<Value>) | null,
    onRejected?: ((reason: unknown) => Other | PromiseLike<Other>) | null,
  ): Promise<Value | Other> {
    this.isObserved = true;
    return super.then(onFulfilled, onRejected);
  }
}

/**
 * The outcome of `work`, for a caller who need not await it: a rejection that nobody has handled by the next macrotask
 * goes to `report`, where an ordinary promise would end the process.
 */
export function trackRejection<T>(
  work: Promise<T>,
  tasks: Pick<Tasks, "macrotask">,
  report: (error: unknown) => void,
): Promise<T> {
  const outcome = new ObservedPromise<T>((resolve, reject) => {
    work.then(resolve, reject);
  });
  // The method of the class would count this as somebody who waits.
  Promise.prototype.then.call(outcome, undefined, (error: unknown) => {
    tasks.macrotask(() => {
      if (!outcome.isObserved) report(error);
    });
  });
  return outcome;
}
