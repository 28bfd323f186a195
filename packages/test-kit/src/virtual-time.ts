import { type Clock, systemClock, systemTasks, type Tasks, type Timer } from "@holdfast/core";
import { type Duration, durationMs } from "./duration.ts";

/** Virtual clock of one test. It follows real time unless paused, and can be advanced. */
export interface TestClock extends Clock {
  /**
   * Advances the clock and runs all timers that become due, in order, each at its own time. Resolves when everything
   * that they started has settled.
   */
  advance(duration: Duration): Promise<void>;
  /** Stops the clock; only `advance` moves it. */
  pause(): void;
  /** Lets the clock follow real time again. */
  resume(): void;
  /** Resolves when nothing is pending except timers and work outside the test. */
  settle(): Promise<void>;
}

/** Tasks of one simulated process. */
export interface ProcessTasks extends Tasks {
  /** Simulates the end of the process: none of its tasks runs any more. */
  end(): void;
}

interface VirtualTimer {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

/** Consecutive idle rounds of the event loop after which everything counts as settled. */
const quietRounds = 3;

/** Longest delay of a real timer. */
const maxRealTimerMs = 2_147_483_647;

/** Clock and tasks of one test. `idle` reports whether the store has no pending operation. */
export class VirtualTime implements TestClock, Tasks {
  readonly #idle: () => boolean;
  readonly #timers = new Set<VirtualTimer>();
  #offset = 0;
  #pausedAt: number | undefined;
  #order = 0;
  #macrotasks = 0;
  #realTimer: Timer | undefined;
  #stopped = false;
  /** Tail of the queued `advance` calls. */
  #advancing: Promise<void> | undefined;

  constructor(idle: () => boolean) {
    this.#idle = idle;
  }

  now(): number {
    return this.#pausedAt ?? Math.round(systemClock.now() + this.#offset);
  }

  after(delayMs: number, fn: () => void): Timer {
    // NaN counts as 0, as for real timers. It would otherwise sort before all other timers and block them.
    const timer = {
      at: this.now() + Math.max(0, Number.isNaN(delayMs) ? 0 : delayMs),
      order: this.#order++,
      fn,
    };
    this.#timers.add(timer);
    this.#arm();
    return {
      cancel: () => {
        if (this.#timers.delete(timer)) this.#arm();
      },
    };
  }

  /** Creates the tasks of one process, which can be ended together. */
  process(): ProcessTasks {
    const timers = new Set<Timer>();
    let ended = false;
    return {
      after: (delayMs, fn) => {
        const timer = this.after(delayMs, () => {
          timers.delete(timer);
          fn();
        });
        if (ended) timer.cancel();
        else timers.add(timer);
        return {
          cancel: () => {
            timers.delete(timer);
            timer.cancel();
          },
        };
      },
      macrotask: (fn) => this.macrotask(() => !ended && fn()),
      end: () => {
        ended = true;
        for (const timer of timers) timer.cancel();
        timers.clear();
      },
    };
  }

  macrotask(fn: () => void): void {
    this.#macrotasks++;
    systemTasks.macrotask(() => {
      this.#macrotasks--;
      if (!this.#stopped) fn();
    });
  }

  async advance(duration: Duration): Promise<void> {
    const ms = durationMs(duration);
    const previous = this.#advancing;
    // Queued: each call starts at the time at which the one before ends.
    const advanced = previous === undefined ? this.#advanceBy(ms) : previous.then(() => this.#advanceBy(ms));
    const ended = advanced
      .catch(() => undefined)
      .then(() => {
        if (this.#advancing === ended) this.#advancing = undefined;
      });
    this.#advancing = ended;
    await advanced;
  }

  async #advanceBy(ms: number): Promise<void> {
    const paused = this.#pausedAt !== undefined;
    this.pause();
    const target = this.now() + ms;
    await this.settle();
    for (let next = this.#earliest(); next !== undefined && next.at <= target; next = this.#earliest()) {
      this.#pausedAt = Math.max(this.now(), next.at);
      this.#run(next);
      await this.settle();
    }
    this.#pausedAt = target;
    if (!paused) this.resume();
  }

  pause(): void {
    this.#pausedAt ??= this.now();
    this.#arm();
  }

  resume(): void {
    if (this.#pausedAt === undefined) return;
    this.#offset = this.#pausedAt - systemClock.now();
    this.#pausedAt = undefined;
    this.#arm();
  }

  async settle(): Promise<void> {
    for (let quiet = 0; quiet < quietRounds; ) {
      await new Promise<void>((resolve) => systemTasks.macrotask(resolve));
      quiet = this.#macrotasks === 0 && this.#idle() ? quiet + 1 : 0;
    }
  }

  /** Cancels all timers at the end of the test. */
  stop(): void {
    this.#stopped = true;
    this.#timers.clear();
    this.#arm();
  }

  #earliest(): VirtualTimer | undefined {
    let earliest: VirtualTimer | undefined;
    for (const timer of this.#timers) {
      if (earliest === undefined || timer.at < earliest.at) earliest = timer;
      else if (timer.at === earliest.at && timer.order < earliest.order) earliest = timer;
    }
    return earliest;
  }

  #run(timer: VirtualTimer): void {
    this.#timers.delete(timer);
    timer.fn();
  }

  /** Sets one real timer for the earliest virtual one. */
  #arm(): void {
    this.#realTimer?.cancel();
    this.#realTimer = undefined;
    if (this.#pausedAt !== undefined) return;
    const next = this.#earliest();
    if (next === undefined) return;
    const delay = Math.min(Math.max(0, next.at - this.now()), maxRealTimerMs);
    this.#realTimer = systemTasks.after(delay, () => {
      this.#realTimer = undefined;
      for (let due = this.#earliest(); due !== undefined && due.at <= this.now(); due = this.#earliest()) {
        this.#run(due);
      }
      this.#arm();
    });
  }
}
