import type { Clock } from "@holdfast/core";
import { pluginLimits } from "./plugin-limits.ts";

/** Lets a plugin that crashes again and again rest, so that it costs a message and not a process each. */
export class CircuitBreaker {
  readonly #clock: Clock;
  #crashes: number[] = [];
  #restUntil = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  crashed(): void {
    const now = this.#clock.now();
    this.#crashes = [...this.#crashes.filter((at) => Math.abs(now - at) < pluginLimits.crashWindowMs), now];
    if (this.#crashes.length >= pluginLimits.maxCrashes) this.#restUntil = now + pluginLimits.crashRestMs;
  }

  /** Milliseconds until the plugin may start again; 0 when it may. */
  restMs(): number {
    const left = this.#restUntil - this.#clock.now();
    // More than a rest is left where the clock was put back: it would last until that time comes again.
    return left > 0 && left <= pluginLimits.crashRestMs ? left : 0;
  }

  get crashes(): number {
    return this.#crashes.length;
  }

  /** A new version of the plugin starts without the past of the old one. */
  reset(): void {
    this.#crashes = [];
    this.#restUntil = 0;
  }
}
