import { createHmac, timingSafeEqual } from "node:crypto";
import { HoldfastError } from "@holdfast/core";

/** True when `signature` is the hex HMAC SHA-256 of `body` with one of `secrets`. An empty secret signs nothing. */
export function isSignedBy(secrets: readonly string[], body: Uint8Array, signature: string): boolean {
  return secrets.some((secret) => {
    if (secret === "") return false;
    return isEqual(createHmac("sha256", secret).update(body).digest("hex"), signature);
  });
}

/** Compares in constant time. */
export function isEqual(expected: string, given: string): boolean {
  const [left, right] = [Buffer.from(expected), Buffer.from(given)];
  return left.byteLength === right.byteLength && timingSafeEqual(left, right);
}

export function unsignedWebhook(): HoldfastError {
  const message =
    "The signature of the webhook is missing or wrong. Enter the same secret here and in the forge's settings.";
  return new HoldfastError("forge", "webhook_refused", message, { statusCode: 401 });
}

export function malformedWebhook(): HoldfastError {
  const message =
    "The webhook is not one of this forge's. Choose the content type application/json in the forge's settings.";
  return new HoldfastError("forge", "webhook_malformed", message, { statusCode: 400 });
}

/** Commit of a push; a missing one is forty zeros. */
export function commitOrNone(sha: string | undefined): string | undefined {
  return /^0+$/.test(required(sha)) ? undefined : sha;
}

/** Throws for a field that the forge always sends. */
export function required<Value>(value: Value | undefined | null): Value {
  if (value === undefined || value === null) throw new TypeError("missing field");
  return value;
}
