import type { Clock } from "@holdfast/core";
import { pluginLimits } from "../plugin-limits.ts";

/** Circuit breaker: a plugin that keeps crashing is paused for a while, and calls to it fail fast. */
export class CircuitBreaker {
  readonly #clock: Clock;
  #crashes: number[] = [];
  #pausedUntil = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  recordCrash(): void {
    const now = this.#clock.now();
    this.#crashes = [...this.#crashes.filter((at) => Math.abs(now - at) < pluginLimits.crashWindowMs), now];
    if (this.#crashes.length >= pluginLimits.maxCrashes) this.#pausedUntil = now + pluginLimits.crashRestMs;
  }

  /** Milliseconds until the plugin may start again; 0 when it may. */
  pauseMs(): number {
    const left = this.#pausedUntil - this.#clock.now();
    // A clock that was set back must not make the pause longer than `crashRestMs`.
    return left > 0 && left <= pluginLimits.crashRestMs ? left : 0;
  }

  /** Crashes in the current window. */
  get crashes(): number {
    return this.#crashes.length;
  }

  /** Forgets the crashes, for a new version of the plugin. */
  reset(): void {
    this.#crashes = [];
    this.#pausedUntil = 0;
  }
}
