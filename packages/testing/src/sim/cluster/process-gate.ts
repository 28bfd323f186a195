/** Several simulated nodes: their links, leases and faults. */
import type { ProcessTasks } from "@holdfast/test-kit";
import type { Scheduler } from "../scheduler.ts";

/** The door through which events reach a process. A frozen process (SIGSTOP) gets them when it continues. */
export class ProcessGate {
  readonly #scheduler: Scheduler;
  #waiting: (() => void)[] | undefined;
  isEnded = false;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  get isFrozen(): boolean {
    return this.#waiting !== undefined;
  }

  freeze(): void {
    this.#waiting ??= [];
  }

  thaw(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const run of waiting ?? []) this.#scheduler.after(0, "process continues", () => this.run(run));
  }

  run(fn: () => void): void {
    if (this.isEnded) return;
    if (this.#waiting !== undefined) this.#waiting.push(fn);
    else fn();
  }

  /** Timers and macrotasks of the process. */
  tasks<T extends ProcessTasks>(inner: T): T {
    return {
      ...inner,
      // A getter would be copied as its value.
      get timers() {
        return (inner as T & { readonly timers?: number }).timers;
      },
      after: (delayMs: number, fn: () => void) => inner.after(delayMs, () => this.run(fn)),
      macrotask: (fn: () => void) => inner.macrotask(() => this.run(fn)),
    };
  }
}
