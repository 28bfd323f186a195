import { type Clock, systemClock, systemTasks, type Tasks, type Timer } from "@holdfast/core";
import { type Duration, durationMs } from "./duration.ts";

/** The time of one test. It runs with the real time unless it is paused, and can be moved ahead. */
export interface TestClock extends Clock {
  /**
   * Moves the time ahead and runs all timers that are due on the way, in order, each at its own time.
   * Resolves when what they set in motion has come to rest.
   */
  advance(duration: Duration): Promise<void>;
  /** From now on time moves only by `advance`. */
  pause(): void;
  /** Time runs again. */
  resume(): void;
  /** Resolves when nothing is under way but timers and what waits for something outside the test. */
  settle(): Promise<void>;
}

/** The tasks of one process: they end with it. */
export interface ProcessTasks extends Tasks {
  /** The process is gone: none of its tasks runs any more. */
  end(): void;
}

interface VirtualTimer {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

/** Rounds of the event loop without work of ours after which everything is taken to be at rest. */
const quietRounds = 3;

/** What a real timer can wait at most. */
const longestRealTimerMs = 2_147_483_647;

/** Clock and tasks of one test. `idle` tells whether the store has nothing under way. */
export class VirtualTime implements TestClock, Tasks {
  readonly #idle: () => boolean;
  readonly #timers = new Set<VirtualTimer>();
  #offset = 0;
  #pausedAt: number | undefined;
  #order = 0;
  #macrotasks = 0;
  #real: Timer | undefined;
  #stopped = false;
  /** The last `advance` that was asked for. */
  #moved: Promise<void> | undefined;

  constructor(idle: () => boolean) {
    this.#idle = idle;
  }

  now(): number {
    return this.#pausedAt ?? Math.round(systemClock.now() + this.#offset);
  }

  after(delayMs: number, fn: () => void): Timer {
    // As for a real timer, what is no number is no time: it would stand before all others for ever.
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

  /** Tasks that can be ended together. */
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
    const before = this.#moved;
    // One after the other: each begins at the time at which the one before has come to its end.
    const moved = before === undefined ? this.#move(ms) : before.then(() => this.#move(ms));
    const ended = moved
      .catch(() => undefined)
      .then(() => {
        if (this.#moved === ended) this.#moved = undefined;
      });
    this.#moved = ended;
    await moved;
  }

  async #move(ms: number): Promise<void> {
    const paused = this.#pausedAt !== undefined;
    this.pause();
    const until = this.now() + ms;
    await this.settle();
    for (let next = this.#earliest(); next !== undefined && next.at <= until; next = this.#earliest()) {
      this.#pausedAt = Math.max(this.now(), next.at);
      this.#run(next);
      await this.settle();
    }
    this.#pausedAt = until;
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

  /** Ends the time of the test. */
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

  /** While time runs, one real timer stands for the earliest virtual one. */
  #arm(): void {
    this.#real?.cancel();
    this.#real = undefined;
    if (this.#pausedAt !== undefined) return;
    const next = this.#earliest();
    if (next === undefined) return;
    const delay = Math.min(Math.max(0, next.at - this.now()), longestRealTimerMs);
    this.#real = systemTasks.after(delay, () => {
      this.#real = undefined;
      for (let due = this.#earliest(); due !== undefined && due.at <= this.now(); due = this.#earliest()) {
        this.#run(due);
      }
      this.#arm();
    });
  }
}
