/** Several simulated nodes: their links, leases and faults. */
import type { ProcessTasks } from "@holdfast/test-kit";
import type { Scheduler } from "../scheduler.ts";

interface Waiting {
  readonly fn: () => void;
  /** How long it waits after the process has continued. */
  readonly delayMs: number;
}

/** The door through which events reach a process. A frozen process (SIGSTOP) gets them when it continues. */
export class ProcessGate {
  readonly #scheduler: Scheduler;
  #waiting: Waiting[] | undefined;
  #suspendedAt: number | undefined;
  #suspendedMs = 0;
  isEnded = false;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get isFrozen(): boolean {
    return this.#waiting !== undefined;
  }

  /** Time without that in which the machine was suspended, in milliseconds. */
  get awakeMs(): number {
    return (this.#suspendedAt ?? this.#scheduler.time) - this.#suspendedMs;
  }

  freeze(): void {
    this.#waiting ??= [];
  }

  /** As `freeze`, and the time of timers stands still, too. */
  suspend(): void {
    this.#suspendedAt ??= this.#scheduler.time;
    this.freeze();
  }

  thaw(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (this.#suspendedAt !== undefined) this.#suspendedMs += this.#scheduler.time - this.#suspendedAt;
    this.#suspendedAt = undefined;
    for (const { fn, delayMs } of waiting ?? []) {
      this.#scheduler.after(delayMs, "process continues", () => this.run(fn));
    }
  }

  run(fn: () => void): void {
    if (this.isEnded) return;
    if (this.#waiting !== undefined) this.#waiting.push({ fn, delayMs: 0 });
    else fn();
  }

  /** Runs what a timer waited for. One that would have gone off while the machine is suspended does so later. */
  #goOff(fn: () => void): void {
    if (this.#suspendedAt === undefined || this.#waiting === undefined) this.run(fn);
    else this.#waiting.push({ fn, delayMs: this.#scheduler.time - this.#suspendedAt });
  }

  /** Timers and macrotasks of the process. */
  tasks<T extends ProcessTasks>(inner: T): T {
    return {
      ...inner,
      // A getter would be copied as its value.
      get timers() {
        return (inner as T & { readonly timers?: number }).timers;
      },
      after: (delayMs: number, fn: () => void) => inner.after(delayMs, () => this.#goOff(fn)),
      macrotask: (fn: () => void) => inner.macrotask(() => this.run(fn)),
    };
  }
}
