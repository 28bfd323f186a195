import { Context } from "../calls/context.ts";
import { reentrantError, stoppedError } from "../lifecycle/error-filter.ts";
import { isThenable } from "../lifecycle/hooks.ts";
import type { RunningActor } from "../lifecycle/running-actor.ts";
import type { StateLog } from "../state/state-log.ts";

/** Calls `onStateChange` for changes of one actor's state, once per macrotask. */
export class StateChangeNotifier {
  readonly #runtime: RunningActor;
  readonly #log: StateLog;
  #scheduled = false;
  /** Counts changes; the hook is called while it is ahead of `#notifiedChanges`. */
  #changes = 0;
  #notifiedChanges = 0;
  #changesBefore = 0;
  /** A change in the open transaction; the hook is called if the transaction succeeds. */
  #notifyAfterTransaction = false;

  constructor(runtime: RunningActor, log: StateLog) {
    this.#runtime = runtime;
    this.#log = log;
  }

  changed(): void {
    this.#changes++;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#runtime.ports.tasks.macrotask(() => {
      this.#scheduled = false;
      this.#notify();
    });
  }

  /**
   * Calls the hook for the changes so far, in the open turn. Returns what it throws synchronously: an action that
   * has ended but has not been answered fails with that error.
   */
  notifyNow(): { readonly error: unknown } | undefined {
    const runtime = this.#runtime;
    const hook = runtime.definition.hooks.onStateChange;
    if (hook === undefined || runtime.status === "stopped") return undefined;
    if (this.#changes === this.#notifiedChanges) return undefined;
    if (runtime.inTransaction) {
      this.#notifyAfterTransaction = true;
      return undefined;
    }
    this.#notifiedChanges = this.#changes;
    try {
      const pending = this.#withStateLocked(() => hook(new Context(runtime), this.#log.value));
      if (isThenable(pending)) void this.#settled(pending);
      return undefined;
    } catch (error) {
      return { error };
    }
  }

  async #settled(pending: PromiseLike<unknown>): Promise<void> {
    try {
      await pending;
    } catch (error) {
      this.#runtime.errors.report(error);
    }
    this.#runtime.queue.close();
  }

  /** Does nothing while the actor is created: creation is one commit and notifies once at its end. */
  #notify(): void {
    const runtime = this.#runtime;
    if (runtime.creating || this.#changes === this.#notifiedChanges) return;
    const failure = this.notifyNow();
    if (failure !== undefined) runtime.errors.report(failure.error);
    if (!runtime.inTransaction) runtime.queue.close();
  }

  /** Runs code that must not change the state synchronously; after an `await` it may. */
  #withStateLocked(fn: () => unknown): unknown {
    this.#log.refuseChanges(reentrantError);
    try {
      return this.#runtime.enter(fn);
    } finally {
      this.#log.refuseChanges(this.#runtime.sealed ? stoppedError : undefined);
    }
  }

  savepoint(): void {
    this.#changesBefore = this.#changes;
  }

  keep(): void {
    if (this.#notifyAfterTransaction) this.#notify();
    this.#notifyAfterTransaction = false;
  }

  rollback(): void {
    this.#notifyAfterTransaction = false;
    this.#changes = this.#changesBefore;
  }
}
