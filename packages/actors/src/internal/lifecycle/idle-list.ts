import type { Clock, Ports, Tasks, Timer } from "@holdfast/core";

/** A member of an idle list. The list owns the writable fields. */
export interface Idler {
  /** Neighbours in the list, ordered by when they became idle. */
  before: Idler | undefined;
  after: Idler | undefined;
  /** When it became idle, in milliseconds by the list: small enough for an integer, which takes no memory. */
  idleSince: number;
  /** Checked again when the timeout has passed: false if work has begun since. */
  readonly isIdle: boolean;
  /** The timeout has passed; the member has been removed from the list. */
  idle(): void;
}

/**
 * Members with the same idle timeout, ordered by when they became idle. One timer serves the whole list,
 * so that an idle actor needs none of its own.
 */
export class IdleList {
  readonly #clock: Clock;
  readonly #tasks: Tasks;
  readonly #timeoutMs: number;
  readonly #origin: number;
  #first: Idler | undefined;
  #last: Idler | undefined;
  #timer: Timer | undefined;

  constructor({ clock, tasks }: Ports, timeoutMs: number) {
    this.#clock = clock;
    this.#tasks = tasks;
    this.#timeoutMs = timeoutMs;
    this.#origin = clock.now();
  }

  #now(): number {
    return this.#clock.now() - this.#origin;
  }

  /** Adds an idle member, or restarts its timeout. */
  add(idler: Idler): void {
    idler.idleSince = this.#now();
    if (this.#last === idler) return;
    if (idler.before !== undefined || this.#first === idler) this.#unlink(idler);
    idler.before = this.#last;
    if (this.#last === undefined) this.#first = idler;
    else this.#last.after = idler;
    this.#last = idler;
    // A pending timer checks every member when it fires.
    if (this.#timer === undefined) this.#arm(this.#timeoutMs);
  }

  /** Removes a member. Does nothing if it is not in the list. */
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

  /** Notifies every member whose timeout has passed. */
  #expire(): void {
    this.#timer = undefined;
    for (let idler = this.#first; idler !== undefined; idler = this.#first) {
      // The clock is read for each member, because `idle` may take time or add members again.
      const remainingMs = idler.idleSince + this.#timeoutMs - this.#now();
      if (remainingMs > this.#timeoutMs) {
        // The clock was set back: members behind this one may be due first.
        this.add(idler);
      } else if (remainingMs > 0) return this.#rearm(remainingMs);
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

/** The idle list shared by all actors of one event loop with the same timeout. */
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
