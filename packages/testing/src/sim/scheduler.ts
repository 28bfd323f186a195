import type { Clock, Timer } from "@holdfast/core";
import type { ProcessTasks } from "@holdfast/test-kit";
import type { Seeded } from "./seeded.ts";
import type { Trace } from "./trace.ts";

/** Something that will happen, at `at` or later. */
interface Event {
  readonly at: number;
  readonly order: number;
  readonly label: string;
  run: (() => void) | undefined;
}

/** The real one, taken before anybody can replace it. */
const { setImmediate: nextMacrotask } = globalThis;

/** All microtasks have run. */
function drained(): Promise<void> {
  return new Promise((resolve) => nextMacrotask(resolve));
}

const startAt = 1_800_000_000_000;

/**
 * Virtual time, and the order of everything that happens in it. One event at a time; between two of
 * them all microtasks run; among those that are ready the seed chooses.
 */
export class Scheduler {
  readonly #random: Seeded;
  readonly #trace: Trace;
  /** A binary heap by time and order. */
  readonly #heap: Event[] = [];
  readonly #ready: Event[] = [];
  #cancelled = 0;
  #order = 0;
  /** Milliseconds since the epoch. */
  time = startAt;
  steps = 0;

  constructor(random: Seeded, trace: Trace) {
    this.#random = random;
    this.#trace = trace;
  }

  /** Milliseconds since the beginning. */
  get elapsed(): number {
    return this.time - startAt;
  }

  /** Events to come. */
  get pending(): number {
    return this.#heap.length + this.#ready.length - this.#cancelled;
  }

  /** What is to come, for people. */
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
      // What was begun outside of an event may not have come as far as its first one.
      await drained();
      event = this.#next(until);
      if (event === undefined) return false;
    }
    const { run } = event;
    event.run = undefined;
    this.steps++;
    this.note(event.label);
    run?.();
    await drained();
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
      // An event loop is late now and then: then several things are ready at once.
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

/** A queue of events that happen one after the other, each no earlier than its own time. */
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

  /** Nothing that waits happens any more. */
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

/** The time of one machine: it may be wrong. */
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

/** Timers and macrotasks of one process; they end with it. */
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
