import type { Clock } from "@holdfast/core";
import { serverLimits } from "../limits.ts";

/** Outcomes of recent creations by idempotency key, so that a retried `create` succeeds. */
export class CreateMemory {
  readonly #clock: Clock;
  /** In order of `expiresAt`. */
  readonly #entries = new Map<string, { readonly id: Promise<string>; readonly expiresAt: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: string): Promise<string> | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && entry.expiresAt > this.#clock.now() ? entry.id : undefined;
  }

  set(key: string, id: Promise<string>): void {
    const now = this.#clock.now();
    for (const [old, entry] of this.#entries) {
      if (entry.expiresAt > now && this.#entries.size < serverLimits.maxCreateMemory) break;
      this.#entries.delete(old);
    }
    this.#entries.set(key, { id, expiresAt: now + serverLimits.createMemoryMs });
    // A failed creation leaves nothing behind: a retry tries again.
    id.catch(() => this.#entries.delete(key));
  }
}
