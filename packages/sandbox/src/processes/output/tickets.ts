import { createHash, randomBytes } from "node:crypto";

/** How long a ticket can be exchanged. */
const lifeMs = 5 * 60_000;

export interface Ticket {
  readonly text: string;
  readonly expiresAtMs: number;
}

/** Tickets that are each taken once, within their time. Those that nobody came with are forgotten. */
export class Tickets {
  /** When each ends, by its hash: how long it takes to find one tells nothing of those that there are. */
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

  /** Uses a ticket up; false for one that was not issued, was taken before, or has ended. */
  take(text: string): boolean {
    const key = hash(text);
    const expiresAtMs = this.#ends.get(key) ?? 0;
    this.#ends.delete(key);
    return Date.now() < expiresAtMs;
  }

  /** All live equally long, so that the oldest end first. */
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
