import type { Ports } from "@holdfast/core";

/** Limits of retries. */
export interface RetryLimits {
  readonly forMs: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/** Exponential backoff with jitter and a deadline, which starts with the first wait. The first wait takes no time. */
export class Backoff {
  readonly #ports: Ports;
  readonly #limits: RetryLimits;
  #deadline: number | undefined;
  #delay: number;
  #attempts = 0;

  constructor(ports: Ports, limits: RetryLimits) {
    this.#ports = ports;
    this.#limits = limits;
    this.#delay = limits.minDelayMs;
  }

  /** Waits before the next attempt. Resolves to false without waiting once the deadline has passed. */
  async wait(): Promise<boolean> {
    const now = performance.now();
    this.#deadline ??= now + this.#limits.forMs;
    if (now >= this.#deadline) return false;
    const jitter = 0.5 + (this.#ports.random.bytes(1)[0] ?? 0) / 512;
    const delay = this.#attempts === 0 ? 0 : this.#delay * jitter;
    if (this.#attempts > 0) this.#delay = Math.min(this.#delay * 2, this.#limits.maxDelayMs);
    this.#attempts += 1;
    await new Promise<void>((resolve) => this.#ports.tasks.after(delay, resolve));
    return true;
  }
}
