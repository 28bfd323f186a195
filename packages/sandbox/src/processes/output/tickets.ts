import { createHash, randomBytes } from "node:crypto";

/** How long a ticket can be exchanged. */
const lifeMs = 5 * 60_000;

export interface Ticket {
  readonly text: string;
  readonly expiresAtMs: number;
}

/** One-time tickets with an expiry. Expired ones are removed. */
export class Tickets {
  /** Expiry by hash of the ticket: a look-up by hash leaks no timing about valid tickets. */
  readonly #ends = new Map<string, number>();

  /** How many are kept. */
  get size(): number {
    return this.#ends.size;
  }

  issue(): Ticket {
    this.#forgetEnded();
    const text = randomBytes(24).toString("base64url");
    const expiresAtMs = Date.now() + lifeMs;
    this.#ends.set(hash(text), expiresAtMs);
    return { text, expiresAtMs };
  }

  /** Redeems a ticket; false for one that is unknown, used or expired. */
  take(text: string): boolean {
    const key = hash(text);
    const expiresAtMs = this.#ends.get(key) ?? 0;
    this.#ends.delete(key);
    return Date.now() < expiresAtMs;
  }

  /** All tickets have the same lifetime, so insertion order is expiry order. */
  #forgetEnded(): void {
    const now = Date.now();
    for (const [key, expiresAtMs] of this.#ends) {
      if (now < expiresAtMs) return;
      this.#ends.delete(key);
    }
  }
}

function hash(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
