import type { Clock, Ports, Tasks, Timer } from "@holdfast/core";

/** Something that is told when it has been idle for long enough. What is written here is its list's own. */
export interface Idler {
  /** Its neighbours in the list: what came to rest before it, and what did after it. */
  before: Idler | undefined;
  after: Idler | undefined;
  /** When it came to rest, in milliseconds since the epoch. */
  idleSince: number;
  /** Looked at again when its time has come: false for what has begun to do something since. */
  readonly isIdle: boolean;
  /** It has been idle for long enough, and is out of the list. */
  idle(): void;
}

/**
 * All that is told after one and the same time of idleness, in the order in which it came to rest. One
 * timer serves all of it, so that idle actors need none of their own.
 */
export class IdleList {
  readonly #clock: Clock;
  readonly #tasks: Tasks;
  readonly #timeoutMs: number;
  #first: Idler | undefined;
  #last: Idler | undefined;
  #timer: Timer | undefined;

  constructor({ clock, tasks }: Ports, timeoutMs: number) {
    this.#clock = clock;
    this.#tasks = tasks;
    this.#timeoutMs = timeoutMs;
  }

  /** It rests from now on: its time begins anew. */
  add(idler: Idler): void {
    idler.idleSince = this.#clock.now();
    if (this.#last === idler) return;
    if (idler.before !== undefined || this.#first === idler) this.#unlink(idler);
    idler.before = this.#last;
    if (this.#last === undefined) this.#first = idler;
    else this.#last.after = idler;
    this.#last = idler;
    // A timer that is set already looks at everybody's time when it fires.
    if (this.#timer === undefined) this.#arm(this.#timeoutMs);
  }

  /** It is not told any more. Does nothing for what is not in the list. */
  remove(idler: Idler): void {
    if (idler.before === undefined && this.#first !== idler) return;
    this.#unlink(idler);
    if (this.#first !== undefined) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #unlink(idler: Idler): void {
    const { before, after } = idler;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    idler.before = undefined;
    idler.after = undefined;
  }

  #arm(delayMs: number): void {
    this.#timer = this.#tasks.after(delayMs, () => this.#expire());
  }

  /** Tells all whose time has come. */
  #expire(): void {
    this.#timer = undefined;
    for (let idler = this.#first; idler !== undefined; idler = this.#first) {
      // Asked for each: who begins anew here does so at a time that has passed for the next look at it.
      const left = idler.idleSince + this.#timeoutMs - this.#clock.now();
      if (left > this.#timeoutMs) {
        // The clock has been set back: those behind it may be due before it.
        this.add(idler);
      } else if (left > 0) return this.#rearm(left);
      else {
        this.#unlink(idler);
        if (idler.isIdle) idler.idle();
      }
    }
  }

  #rearm(delayMs: number): void {
    this.#timer?.cancel();
    this.#arm(delayMs);
  }
}

const lists = new WeakMap<Tasks, Map<number, IdleList>>();

/** The list of all that shares an event loop and a time of idleness. */
export function idleListOf(ports: Ports, timeoutMs: number): IdleList {
  let ofLoop = lists.get(ports.tasks);
  if (ofLoop === undefined) {
    ofLoop = new Map();
    lists.set(ports.tasks, ofLoop);
  }
  let list = ofLoop.get(timeoutMs);
  if (list === undefined) {
    list = new IdleList(ports, timeoutMs);
    ofLoop.set(timeoutMs, list);
  }
  return list;
}
