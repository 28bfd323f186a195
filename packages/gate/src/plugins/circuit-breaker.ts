import type { Clock } from "@holdfast/core";
import { pluginLimits } from "./plugin-limits.ts";

/** Circuit breaker: a plugin that keeps crashing is not started for a while, so calls fail fast. */
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
    // A clock that was put back must not make the pause longer than `restMs`.
    return left > 0 && left <= pluginLimits.crashRestMs ? left : 0;
  }

  get crashes(): number {
    return this.#crashes.length;
  }

  /** Forgets the crashes, for a new version of the plugin. */
  reset(): void {
    this.#crashes = [];
    this.#restUntil = 0;
  }
}
