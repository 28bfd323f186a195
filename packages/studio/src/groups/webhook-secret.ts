import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";

/** The headers of a request to a webhook that matter. */
export interface WebhookHeaders {
  /** `Bearer SECRET`. */
  readonly authorization?: string;
  /** `sha256=HEX`: HMAC-SHA-256 of the body, as GitHub and others send it. */
  readonly signature?: string;
  /** What the sender calls this delivery. */
  readonly deliveryId?: string;
  readonly contentType: string;
}

/** Stands in where there is no secret, so that an unknown webhook takes as long as a wrong secret. */
const nobodys = randomBytes(32).toString("hex");

/** Whether a request proves that its sender knows the secret: by the secret itself, or by an HMAC of the body. */
export function verifyWebhook(
  secret: string | undefined,
  { authorization, signature }: WebhookHeaders,
  body: Buffer,
): boolean {
  const key = secret ?? nobodys;
  const given =
    authorization !== undefined
      ? same(`Bearer ${key}`, authorization)
      : same(`sha256=${createHmac("sha256", key).update(body).digest("hex")}`, signature ?? "");
  return given && secret !== undefined;
}

/** Both are hashed first, so that neither length nor content shows in the time that it takes. */
function same(wanted: string, given: string): boolean {
  const digest = (text: string) => createHmac("sha256", nobodys).update(text).digest();
  return timingSafeEqual(digest(wanted), digest(given));
}
