import { HoldfastError, limits } from "@holdfast/core";
import { serverLimits } from "../limits.ts";

export function cancelled(): HoldfastError {
  return new HoldfastError("action", "aborted", "The caller cancelled the call");
}

export function outgoingTooLong(maxBytes: number): HoldfastError {
  const message = `The result is longer than ${maxBytes} bytes`;
  return new HoldfastError("message", "outgoing_too_long", message, { statusCode: 500 });
}

export function tooManySubscriptions(): HoldfastError {
  const message = `A connection has at most ${serverLimits.maxSubscriptions} subscriptions`;
  return new HoldfastError("conn", "too_many_subscriptions", message);
}

/** Throws `message.invalid_idempotency_key`. */
export function checkIdempotencyKey(key: string): void {
  if (key.length > 0 && key.length <= limits.maxIdempotencyKeyLength) return;
  const message = `An idempotency key has 1 to ${limits.maxIdempotencyKeyLength} characters`;
  throw new HoldfastError("message", "invalid_idempotency_key", message);
}
