import { HoldfastError, type Tasks } from "@holdfast/core";

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "then") === "function";
}

/** Settles as `promise`, or rejects with `actor.callback_timed_out`. The hook's code itself runs on. */
export function withTimeout<T>(
  tasks: Tasks,
  timeoutMs: number,
  hook: string,
  promise: PromiseLike<T>,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = tasks.after(timeoutMs, () =>
      reject(
        new HoldfastError("actor", "callback_timed_out", `${hook} did not finish within ${timeoutMs} ms`, {
          statusCode: 408,
          metadata: { hook, timeoutMs },
        }),
      ),
    );
    promise.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
