import type { HoldfastError, Tasks, Timer } from "@holdfast/core";
import type { StopReason } from "../../ports/instance.ts";
import type { Calls } from "../calls/calls.ts";
import { Context } from "../calls/context.ts";
import type { Connections } from "../connections/connections.ts";
import type { Transactions } from "../turn/transactions.ts";
import type { ActorCore } from "./actor-core.ts";
import { interruptedError } from "./error-filter.ts";
import type { Parts } from "./parts.ts";
import type { Stop, StopMode } from "./phase.ts";

/** The components that a stop brings to their end. */
interface StopDependencies
  extends Pick<
    ActorCore,
    | "activity"
    | "context"
    | "definition"
    | "errors"
    | "inTransaction"
    | "log"
    | "phase"
    | "ports"
    | "queue"
    | "transactionLock"
    | "turn"
  > {
  readonly transactions: Transactions;
  readonly existingCalls: Calls | undefined;
  readonly existingConnections: Connections | undefined;
  readonly existingParts: Parts | undefined;
  readonly instance: {
    /** Tells running user code that the actor stops. */
    notifyStopping(): void;
    /** Refuses changes from now on. */
    seal(): void;
    halt(reason: StopReason, error: HoldfastError | undefined): void;
  };
}

/** Takes an actor out of memory in good order, within `sleepGracePeriod`. */
export class Stopper implements Stop {
  readonly #actor: StopDependencies;
  #mode: StopMode;
  #finalizing = false;
  #destroyedAt: number | undefined;
  /** The grace period for running work is over. */
  #late = false;

  constructor(actor: StopDependencies, mode: StopMode) {
    this.#actor = actor;
    this.#mode = mode;
  }

  get mode(): StopMode {
    return this.#mode;
  }

  get destroyedAt(): number | undefined {
    return this.#destroyedAt;
  }

  destroyInstead(): void {
    if (this.#finalizing) return;
    this.#mode = "destroyed";
    this.#actor.activity.recheck();
  }

  /** `fromUserCode` if user code of the actor, which is still on the stack, requested the stop. */
  async run(fromUserCode: boolean): Promise<void> {
    let grace = this.#grace();
    if (!(await grace.covers(this.#quiet(fromUserCode)))) {
      this.#late = true;
      this.#warn();
      // Cleaning up outside of the actor gets a period of its own, however long the running work takes.
      grace = this.#grace();
    }
    if (this.#mode === "destroyed" && !this.#isOver && !(await grace.covers(this.#leave()))) this.#warn();
    grace.end();
    if (!this.#isOver) await this.#finalize();
  }

  /** Stops an actor whose start takes longer than a stop may, unless the returned function is called first. */
  boundStart(): () => void {
    const { definition, ports } = this.#actor;
    const timer = ports.tasks.after(definition.options.sleepGracePeriod, () => {
      this.#warn();
      this.#actor.phase.status = "stopping";
      void this.#finalize();
    });
    return () => timer.cancel();
  }

  #grace(): Grace {
    const { definition, ports } = this.#actor;
    return new Grace(ports.tasks, definition.options.sleepGracePeriod);
  }

  #warn(): void {
    if (this.#isOver) return;
    const graceMs = this.#actor.definition.options.sleepGracePeriod;
    const { counts } = this.#actor.activity;
    this.#actor.log.warn("actor did not finish within its grace period", { graceMs, ...counts });
  }

  /** True if a commit that failed in the meantime has ended the instance. */
  get #isOver(): boolean {
    return this.#actor.phase.status === "stopped";
  }

  /** Lets running work finish. Does nothing more once the grace period is over. */
  async #quiet(fromUserCode: boolean): Promise<void> {
    const { ports, instance, queue } = this.#actor;
    // The code that requested the stop ends its own turn first, so that its reply leaves normally.
    if (fromUserCode) {
      await new Promise<void>((resolve) => ports.tasks.macrotask(resolve));
      if (this.#isOver) return;
      instance.notifyStopping();
    }
    if (this.#mode !== "destroyed") {
      await this.#hook("onSleep");
      await this.#drained();
      if (this.#late) return;
      queue.close();
    }
    // The mode is read again: a destruction may have been requested in the meantime.
    if (this.#mode === "destroyed") return this.#drained();
    await this.#disconnect();
  }

  /** Runs `onDestroy` while clients are connected, so that they receive its events. */
  async #leave(): Promise<void> {
    await this.#hook("onDestroy");
    if (this.#late) return;
    await this.#drained();
    if (!this.#isOver) await this.#disconnect();
    if (this.#isOver || this.#late) return;
    try {
      await this.#actor.existingParts?.destroying();
    } catch (error) {
      this.#actor.errors.report(error);
    }
  }

  async #disconnect(): Promise<void> {
    this.#closeConnections((code, reason, sleeps) =>
      this.#actor.existingConnections?.closeAll(code, reason, sleeps),
    );
    await this.#drained();
  }

  /** Clients reconnect to an actor that stops, and not to one that is destroyed. */
  #closeConnections(close: (code: number, reason: string, sleeps: boolean) => void): void {
    if (this.#mode === "destroyed") close(1000, "actor.destroyed", false);
    else close(1001, "actor.stopping", this.#mode === "slept");
  }

  /** A sleep waits for the `run` handler, a destruction does not. */
  #drained(): Promise<void> {
    return this.#actor.activity.drained(() => this.#mode !== "destroyed");
  }

  async #hook(name: "onSleep" | "onDestroy"): Promise<void> {
    try {
      const { turn, context } = this.#actor;
      await turn.hook(name, [new Context(context)]);
    } catch (error) {
      this.#actor.errors.report(error);
    }
  }

  async #finalize(): Promise<void> {
    const actor = this.#actor;
    this.#finalizing = true;
    // An open transaction has failed; code that still runs cannot change anything.
    if (actor.inTransaction) actor.transactions.rollback();
    actor.transactionLock.rejectAll(actor.errors.stopping());
    this.#closeConnections((code, reason, sleeps) =>
      actor.existingConnections?.abandon(code, reason, sleeps),
    );
    actor.existingCalls?.rejectAll(
      interruptedError("The actor stopped before the action ended; it may have run in part"),
    );
    if (this.#mode === "slept") actor.existingConnections?.writeFinalRecords();
    if (this.#mode === "destroyed") {
      this.#destroyedAt = actor.ports.clock.now();
      actor.turn.dirty = true;
    }
    actor.instance.seal();
    try {
      await actor.queue.finish(actor.errors.stopping());
    } catch {
      // The failed commit has halted the instance and rejected its callers.
      return;
    }
    if (this.#mode === "slept") actor.existingConnections?.hibernate();
    actor.instance.halt(this.#mode, undefined);
  }
}

/** A grace period: a bounded time for work. */
class Grace {
  readonly #expired: Promise<false>;
  readonly #timer: Timer;

  constructor(tasks: Tasks, graceMs: number) {
    const { promise, resolve } = Promise.withResolvers<false>();
    this.#expired = promise;
    this.#timer = tasks.after(graceMs, () => resolve(false));
  }

  /** Resolves with false if the period ended first; the work goes on. */
  covers(work: Promise<void>): Promise<boolean> {
    return Promise.race([work.then(() => true), this.#expired]);
  }

  end(): void {
    this.#timer.cancel();
  }
}
