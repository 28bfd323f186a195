import type { TryStepFailure } from "../../../workflow/outcomes.ts";

const failures = new WeakMap<Error, TryStepFailure>();
const operations = new WeakMap<Error, string>();
const reported = new WeakSet<object>();

/** Attaches to an error what `tryStep` and `try` report about it. */
export function withFailure(error: Error, failure: TryStepFailure): Error {
  failures.set(error, failure);
  return error;
}

export function failureOf(error: unknown): TryStepFailure | undefined {
  return error instanceof Error ? failures.get(error) : undefined;
}

/** Attaches the join or race that an error belongs to, for `try`. */
export function ofOperation<E extends Error>(error: E, name: string): E {
  operations.set(error, name);
  return error;
}

export function operationOf(error: Error): string | undefined {
  return operations.get(error);
}

/** Marks errors that were reported to `onError`. */
export function markReported(error: Error): Error {
  reported.add(error);
  return error;
}

export function wasReported(error: unknown): boolean {
  return typeof error === "object" && error !== null && reported.has(error);
}
