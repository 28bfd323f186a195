import { brokerLimits } from "./broker-limits.ts";

/** Limits the refusals of one jail that enter the audit log each second, and counts those that are left out. */
export class AuditThrottle {
  #second = 0;
  #count = 0;
  #skipped = 0;

  allow(now: number): boolean {
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) [this.#second, this.#count] = [second, 0];
    this.#count += 1;
    if (this.#count <= brokerLimits.maxRefusalNotes) return true;
    this.#skipped += 1;
    return false;
  }

  takeSkipped(): number {
    const skipped = this.#skipped;
    this.#skipped = 0;
    return skipped;
  }
}
