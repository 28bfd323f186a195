import type { Clock, Timer } from "@holdfast/core";
import type { ProcessTasks } from "@holdfast/test-kit";
import type { SeededRandom } from "./seeded.ts";
import type { Trace } from "./trace.ts";

/** Event that runs at the time `at` or later. */
interface Event {
  readonly at: number;
  readonly order: number;
  readonly label: string;
  run: (() => void) | undefined;
}

/** The real `setImmediate`, captured before tests replace it. */
const { setImmediate: nextMacrotask } = globalThis;

/** Resolves when all microtasks have run. */
function microtasksDone(): Promise<void> {
  return new Promise((resolve) => nextMacrotask(resolve));
}

const startAt = 1_800_000_000_000;

/**
 * Discrete-event scheduler with virtual time. It runs one event at a time, and all microtasks between two events; the
 * seed chooses among ready events.
 */
export class Scheduler {
  readonly #random: SeededRandom;
  readonly #trace: Trace;
  /** Binary heap by time and order. */
  readonly #heap: Event[] = [];
  readonly #ready: Event[] = [];
  #cancelled = 0;
  #order = 0;
  /** Milliseconds since the epoch. */
  time = startAt;
  steps = 0;

  constructor(random: SeededRandom, trace: Trace) {
    this.#random = random;
    this.#trace = trace;
  }

  /** Milliseconds since the start. */
  get elapsed(): number {
    return this.time - startAt;
  }

  /** Number of pending events. */
  get pending(): number {
    return this.#heap.length + this.#ready.length - this.#cancelled;
  }

  /** Labels of the pending events, for messages. */
  labels(): readonly string[] {
    return [...this.#ready, ...this.#heap].filter(({ run }) => run !== undefined).map(({ label }) => label);
  }

  at(time: number, label: string, run: () => void): Timer {
    const event: Event = { at: time, order: this.#order++, label, run };
    this.#push(event);
    return {
      cancel: () => {
        if (event.run === undefined) return;
        event.run = undefined;
        this.#cancelled++;
      },
    };
  }

  after(delayMs: number, label: string, run: () => void): Timer {
    return this.at(this.time + Math.max(0, delayMs), label, run);
  }

  note(text: string): void {
    this.#trace.add(`${String(this.elapsed).padStart(8)} ${text}`);
  }

  /** Runs the next event and all microtasks that follow from it. False when there is none, or none by `until`. */
  async step(until = Number.POSITIVE_INFINITY): Promise<boolean> {
    let event = this.#next(until);
    if (event === undefined) {
      // Work that was started outside an event may still have to schedule its first one.
      await microtasksDone();
      event = this.#next(until);
      if (event === undefined) return false;
    }
    const { run } = event;
    event.run = undefined;
    this.steps++;
    this.note(event.label);
    run?.();
    await microtasksDone();
    return true;
  }

  #next(until: number): Event | undefined {
    for (;;) {
      this.#collect();
      if (this.#ready.length > 0) {
        const at = this.#random.int(0, this.#ready.length - 1);
        const event = this.#ready[at];
        const last = this.#ready.pop();
        if (last !== undefined && at < this.#ready.length) this.#ready[at] = last;
        if (event?.run !== undefined) return event;
        this.#cancelled--;
        continue;
      }
      const first = this.#heap[0];
      if (first === undefined || first.at > until) {
        if (Number.isFinite(until)) this.time = Math.max(this.time, until);
        return undefined;
      }
      // Occasional delay of the event loop, which makes several events ready together.
      const lateMs = first.run !== undefined && this.#random.chance(0.1) ? this.#random.skewed(50) : 0;
      this.time = Math.max(this.time, Math.min(Math.ceil(first.at) + lateMs, Math.max(until, first.at)));
    }
  }

  #collect(): void {
    for (let first = this.#heap[0]; first !== undefined && first.at <= this.time; first = this.#heap[0]) {
      this.#pop();
      if (first.run === undefined) this.#cancelled--;
      else this.#ready.push(first);
    }
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (left === undefined) break;
      const smaller = right !== undefined && isBefore(right, left) ? right : left;
      if (smaller === right) child++;
      if (!isBefore(smaller, last)) break;
      heap[at] = smaller;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** FIFO queue of events, each of which also waits for its own time. */
export class Lane {
  readonly #scheduler: Scheduler;
  #waiting: { readonly at: number; readonly label: string; readonly run: () => void }[] = [];
  #timer: Timer | undefined;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  push(delayMs: number, label: string, run: () => void): void {
    this.#waiting.push({ at: this.#scheduler.time + delayMs, label, run });
    if (this.#waiting.length === 1) this.#arm();
  }

  /** Cancels all waiting events. */
  clear(): void {
    this.#waiting = [];
    this.#timer?.cancel();
  }

  #arm(): void {
    const [head] = this.#waiting;
    if (head === undefined) return;
    this.#timer = this.#scheduler.at(head.at, head.label, () => {
      this.#waiting.shift();
      this.#arm();
      head.run();
    });
  }
}

/** Clock of one machine, which may be wrong. */
export class SimClock implements Clock {
  readonly #scheduler: Scheduler;
  offsetMs = 0;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  now(): number {
    return this.#scheduler.time + this.offsetMs;
  }
}

/** Timers and macrotasks of one process, which end with it. */
export function processTasks(scheduler: Scheduler, name: string): ProcessTasks & { readonly timers: number } {
  const timers = new Set<Timer>();
  const macrotasks = new Lane(scheduler);
  let ended = false;
  return {
    get timers() {
      return timers.size;
    },
    after: (delayMs, fn) => {
      if (ended) return { cancel: () => undefined };
      const timer = scheduler.after(delayMs, `${name} timer`, () => {
        timers.delete(own);
        fn();
      });
      const own = {
        cancel: (): void => {
          timers.delete(own);
          timer.cancel();
        },
      };
      timers.add(own);
      return own;
    },
    macrotask: (fn) => {
      if (!ended) macrotasks.push(0, `${name} macrotask`, fn);
    },
    end: () => {
      ended = true;
      for (const timer of [...timers]) timer.cancel();
      macrotasks.clear();
    },
  };
}
