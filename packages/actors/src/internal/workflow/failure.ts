import type { TryStepFailure } from "../../workflow/types.ts";

const failures = new WeakMap<Error, TryStepFailure>();
const reported = new WeakSet<object>();

/** Remembers what `tryStep` and `try` say of an error. */
export function withFailure(error: Error, failure: TryStepFailure): Error {
  failures.set(error, failure);
  return error;
}

export function failureOf(error: unknown): TryStepFailure | undefined {
  return error instanceof Error ? failures.get(error) : undefined;
}

/** `onError` has heard of it. */
export function markReported(error: Error): Error {
  reported.add(error);
  return error;
}

export function wasReported(error: unknown): boolean {
  return typeof error === "object" && error !== null && reported.has(error);
}
