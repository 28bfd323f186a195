import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** The request headers that webhooks use. */
export interface WebhookHeaders {
  /** `Bearer SECRET`. */
  readonly authorization?: string;
  /** `sha256=HEX`: HMAC-SHA-256 of the body, as GitHub and others send it. */
  readonly signature?: string;
  /** The sender's id for this delivery. */
  readonly deliveryId?: string;
  readonly contentType: string;
}

/** Used if the webhook does not exist, so that the check takes as long as for a wrong secret. */
const fallbackSecret = randomBytes(32).toString("hex");

/** True if the request carries the secret, or an HMAC of the body made with it. */
export function verifyWebhook(
  secret: string | undefined,
  { authorization, signature }: WebhookHeaders,
  body: Buffer,
): boolean {
  const key = secret ?? fallbackSecret;
  const matches =
    authorization !== undefined
      ? timingSafeSame(`Bearer ${key}`, authorization)
      : timingSafeSame(`sha256=${createHmac("sha256", key).update(body).digest("hex")}`, signature ?? "");
  return matches && secret !== undefined;
}

/** Timing-safe comparison. Hashing both values first hides their lengths as well. */
function timingSafeSame(expected: string, actual: string): boolean {
  const digest = (text: string) => createHmac("sha256", fallbackSecret).update(text).digest();
  return timingSafeEqual(digest(expected), digest(actual));
}
