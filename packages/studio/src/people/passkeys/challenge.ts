/** Passkeys of people: challenges, registration, sign-in, and the routes. */
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import { studioLimits } from "../../limits.ts";

const randomBytesLength = 16;
const timeLength = 6;
const codeLength = 32;

/**
 * Makes challenges that prove when and for what they were made, so that nothing is stored for somebody who only looks
 * at the sign-in page. Each is used once: whoever accepts one keeps it until it expires.
 */
export class Challenges {
  readonly #key: Buffer;
  readonly #now: () => number;

  /** `secret` is the same on all nodes. */
  constructor(secret: string, now: () => number) {
    this.#key = Buffer.from(hkdfSync("sha256", secret, "", "holdfast passkey challenges 1", 32));
    this.#now = now;
  }

  /** A challenge in base64url. `purpose` says for what, and for whom if that is known. */
  make(purpose: string): string {
    const head = Buffer.alloc(randomBytesLength + timeLength);
    randomBytes(randomBytesLength).copy(head);
    head.writeUIntBE(this.#now() + studioLimits.passkeyChallengeMs, randomBytesLength, timeLength);
    return Buffer.concat([head, this.#codeOf(purpose, head)]).toString("base64url");
  }

  /** When a challenge expires; undefined for one that has, or that was not made here for this purpose. */
  expiryOf(challenge: string, purpose: string): number | undefined {
    const bytes = Buffer.from(challenge, "base64url");
    if (bytes.length !== randomBytesLength + timeLength + codeLength) return undefined;
    const head = bytes.subarray(0, randomBytesLength + timeLength);
    if (!timingSafeEqual(bytes.subarray(head.length), this.#codeOf(purpose, head))) return undefined;
    const expiresAt = head.readUIntBE(randomBytesLength, timeLength);
    return expiresAt > this.#now() ? expiresAt : undefined;
  }

  #codeOf(purpose: string, head: Uint8Array): Buffer {
    return createHmac("sha256", this.#key).update(purpose).update("\n").update(head).digest();
  }
}
