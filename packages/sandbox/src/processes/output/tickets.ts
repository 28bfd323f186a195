import { createHash, randomBytes } from "node:crypto";

/** Lifetime of a ticket. */
const lifetimeMs = 5 * 60_000;

/** A new ticket with its expiry. */
export interface Ticket {
  readonly text: string;
  readonly expiresAtMs: number;
}

/** One-time tickets with an expiry. Expired ones are removed. */
export class Tickets {
  /** Expiry by hash of the ticket: a look-up by hash leaks no timing about valid tickets. */
  readonly #expiries = new Map<string, number>();

  /** Number of stored tickets. */
  get size(): number {
    return this.#expiries.size;
  }

  issue(): Ticket {
    this.#removeExpired();
    const text = randomBytes(24).toString("base64url");
    const expiresAtMs = Date.now() + lifetimeMs;
    this.#expiries.set(hash(text), expiresAtMs);
    return { text, expiresAtMs };
  }

  /** Redeems a ticket; false for one that is unknown, used or expired. */
  redeem(text: string): boolean {
    const key = hash(text);
    const expiresAtMs = this.#expiries.get(key) ?? 0;
    this.#expiries.delete(key);
    return Date.now() < expiresAtMs;
  }

  /** All tickets have the same lifetime, so insertion order is expiry order. */
  #removeExpired(): void {
    const now = Date.now();
    for (const [key, expiresAtMs] of this.#expiries) {
      if (now < expiresAtMs) return;
      this.#expiries.delete(key);
    }
  }
}

function hash(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
