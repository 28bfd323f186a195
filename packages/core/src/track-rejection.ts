import type { Tasks } from "./ports.ts";

/** Promise that records whether it is awaited. Promises chained to it are ordinary ones. */
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
 * Wraps `work` for callers that need not await it: a rejection that is unhandled at the next macrotask is passed to
 * `report`, where an ordinary promise would end the process.
 */
export function trackRejection<T>(
  work: Promise<T>,
  tasks: Pick<Tasks, "macrotask">,
  report: (error: unknown) => void,
): Promise<T> {
  const observed = new ObservedPromise<T>((resolve, reject) => {
    work.then(resolve, reject);
  });
  // Calls the base method: the overridden one would mark this promise as awaited.
  Promise.prototype.then.call(observed, undefined, (error: unknown) => {
    tasks.macrotask(() => {
      if (!observed.isObserved) report(error);
    });
  });
  return observed;
}
