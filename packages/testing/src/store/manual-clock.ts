/** Store with injected faults, and a manual clock. */
import type { Clock } from "@holdfast/core";

export interface ManualClock extends Clock {
  /** Advances the time by `ms` milliseconds. */
  advance(ms: number): void;
}

/** Creates a clock that moves only when advanced. */
export function manualClock(startAt = 1_800_000_000_000): ManualClock {
  let now = startAt;
  return {
    now: () => now,
    advance(ms) {
      now += ms;
    },
  };
}
