import type { Ports } from "@holdfast/core";
import { Context, type ContextSource } from "../calls/context.ts";
import type { RuntimeDefinition } from "../definition/runtime-definition.ts";
import type { ErrorFilter } from "../lifecycle/error-filter.ts";
import { reentrantError, stoppedError } from "../lifecycle/error-filter.ts";
import { isThenable } from "../lifecycle/hooks.ts";
import type { ActorPhase } from "../lifecycle/phase.ts";
import type { StateLog } from "../state/state-log.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { TurnTracker } from "./turn-tracker.ts";

/** The components that calls of `onStateChange` work with. */
export interface NotifierDependencies {
  readonly definition: RuntimeDefinition;
  readonly ports: Ports;
  readonly context: ContextSource;
  readonly errors: ErrorFilter;
  readonly phase: ActorPhase;
  readonly queue: CommitQueue;
  readonly turn: TurnTracker;
  readonly inTransaction: boolean;
}

/** Calls `onStateChange` for changes of one actor's state, once per macrotask. */
export class StateChangeNotifier {
  readonly #actor: NotifierDependencies;
  readonly #log: StateLog;
  #scheduled = false;
  /** Counts changes; the hook is called while it is ahead of `#notifiedChanges`. */
  #changes = 0;
  #notifiedChanges = 0;
  #changesBefore = 0;
  /** A change in the open transaction; the hook is called if the transaction succeeds. */
  #notifyAfterTransaction = false;

  constructor(actor: NotifierDependencies, log: StateLog) {
    this.#actor = actor;
    this.#log = log;
  }

  changed(): void {
    this.#changes++;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#actor.ports.tasks.macrotask(() => {
      this.#scheduled = false;
      this.#notify();
    });
  }

  /**
   * Calls the hook for the changes so far, in the open turn. Returns what it throws synchronously: an action that
   * has ended but has not been answered fails with that error.
   */
  notifyNow(): { readonly error: unknown } | undefined {
    const actor = this.#actor;
    const hook = actor.definition.hooks.onStateChange;
    if (hook === undefined || actor.phase.status === "stopped") return undefined;
    if (this.#changes === this.#notifiedChanges) return undefined;
    if (actor.inTransaction) {
      this.#notifyAfterTransaction = true;
      return undefined;
    }
    this.#notifiedChanges = this.#changes;
    try {
      const pending = this.#withStateLocked(() => hook(new Context(actor.context), this.#log.value));
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
      this.#actor.errors.report(error);
    }
    this.#actor.queue.close();
  }

  /** Does nothing while the actor is created: creation is one commit and notifies once at its end. */
  #notify(): void {
    const actor = this.#actor;
    if (actor.phase.creating || this.#changes === this.#notifiedChanges) return;
    const failure = this.notifyNow();
    if (failure !== undefined) actor.errors.report(failure.error);
    if (!actor.inTransaction) actor.queue.close();
  }

  /** Runs code that must not change the state synchronously; after an `await` it may. */
  #withStateLocked(fn: () => unknown): unknown {
    this.#log.refuseChanges(reentrantError);
    try {
      return this.#actor.turn.enter(fn);
    } finally {
      this.#log.refuseChanges(this.#actor.phase.sealed ? stoppedError : undefined);
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
