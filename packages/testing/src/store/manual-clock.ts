/** A store that fails on demand. */
import type { Clock } from "@holdfast/core";

export interface ManualClock extends Clock {
  /** Moves the time forward by `ms` milliseconds. */
  advance(ms: number): void;
}

/** A clock that stands still until it is told to move. */
export function manualClock(startAt = 1_800_000_000_000): ManualClock {
  let now = startAt;
  return {
    now: () => now,
    advance(ms) {
      now += ms;
    },
  };
}
