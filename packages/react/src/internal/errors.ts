import { HoldfastError } from "@holdfast/core";

/** The error of a call while `useActor` is disabled. */
export function disabledError(): HoldfastError {
  return new HoldfastError(
    "client",
    "actor_disabled",
    "The actor is not enabled, or the page is on a server",
  );
}

export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
