import { availableParallelism, cpus } from "node:os";

/** Files that run at once at any time: one more than there are cores. */
const least = availableParallelism() + 1;

/** With more, one that begins to compute makes the others late. */
const most = 2 * availableParallelism() + 1;

/** The share of the cores that is idle from which one more file may start, and below which one fewer runs. */
const idleShare = { more: 0.06, fewer: 0.02 };

/**
 * How many files may run at once. Many of them wait for leases, processes and other machines for most of their time: as
 * long as the cores have idle time, one more may start at each look.
 */
export class Lanes {
  #busyMs = 0;
  #lookedAt = 0;
  #places = least;

  constructor() {
    this.look();
  }

  /** Looks at what the cores did since the last look, which is seconds ago. */
  look(): void {
    const times = cpus().map((core) => core.times);
    const busyMs = times.reduce((sum, { user, nice, sys, irq }) => sum + user + nice + sys + irq, 0);
    const now = performance.now();
    // A core that waits for a disk is idle, too, and not counted as such by the system.
    const share = 1 - (busyMs - this.#busyMs) / Math.max(1, (now - this.#lookedAt) * times.length);
    this.#busyMs = busyMs;
    this.#lookedAt = now;
    if (share > idleShare.more) this.#places = Math.min(this.#places + 1, most);
    else if (share < idleShare.fewer) this.#places = Math.max(this.#places - 1, least);
  }

  /** Whether one more file may start beside `running`. */
  allows(running: number): boolean {
    return running < this.#places;
  }
}
