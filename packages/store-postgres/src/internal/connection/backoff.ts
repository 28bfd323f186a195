import type { Ports } from "@holdfast/core";

/** How long, and how often, failed work is tried again. */
export interface RetryLimits {
  readonly forMs: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/** Delays between attempts: doubling, with jitter, up to a deadline that starts with the first of them. */
export class Backoff {
  readonly #ports: Ports;
  readonly #limits: RetryLimits;
  #deadline: number | undefined;
  #delay: number;
  #waited = 0;

  constructor(ports: Ports, limits: RetryLimits) {
    this.#ports = ports;
    this.#limits = limits;
    this.#delay = limits.minDelayMs;
  }

  /** Waits before the next attempt. Resolves to false, immediately, if the time for attempts is over. */
  async wait(): Promise<boolean> {
    const now = performance.now();
    this.#deadline ??= now + this.#limits.forMs;
    if (now >= this.#deadline) return false;
    const jitter = 0.5 + (this.#ports.random.bytes(1)[0] ?? 0) / 512;
    const delay = this.#waited === 0 ? 0 : this.#delay * jitter;
    if (this.#waited > 0) this.#delay = Math.min(this.#delay * 2, this.#limits.maxDelayMs);
    this.#waited += 1;
    await new Promise<void>((resolve) => this.#ports.tasks.after(delay, resolve));
    return true;
  }
}
