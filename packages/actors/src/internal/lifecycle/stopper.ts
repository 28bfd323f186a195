import type { HoldfastError, Tasks, Timer } from "@holdfast/core";
import type { InstanceStatus, StopReason } from "../../ports/instance.ts";
import { Context } from "../calls/context.ts";
import type { Connections } from "../connections/connections.ts";
import type { Transactions } from "../turn/transactions.ts";
import { interruptedError } from "./error-filter.ts";
import type { Parts } from "./parts.ts";
import type { RunningActor } from "./running-actor.ts";

/** The actor that stops. */
export interface StoppingActor extends RunningActor {
  status: InstanceStatus;
  readonly transactions: Transactions;
  readonly existingConnections: Connections | undefined;
  readonly existingParts: Parts | undefined;
  /** User code that runs is told that the actor stops. */
  notifyStopping(): void;
  interruptCalls(error: HoldfastError): void;
  /** No change is taken any more; the last turn carries the end of the actor if it is destroyed. */
  seal(): void;
  /** The instance is out of memory from now on. Idempotent. */
  halt(reason: StopReason, error: HoldfastError | undefined): void;
}

export type StopMode = Extract<StopReason, "slept" | "destroyed" | "shutdown">;

/** Takes an actor out of memory in good order, within `sleepGracePeriod`. */
export class Stopper {
  readonly #runtime: StoppingActor;
  #mode: StopMode;
  #finalizing = false;
  /** Of an actor that is destroyed, once nothing of it goes on. */
  #destroyedAt: number | undefined;
  /** The time for what runs to come to its end is over. */
  #late = false;

  constructor(runtime: StoppingActor, mode: StopMode) {
    this.#runtime = runtime;
    this.#mode = mode;
  }

  /** Nothing will be left of the actor. */
  get destroys(): boolean {
    return this.#mode === "destroyed";
  }

  get destroyedAt(): number | undefined {
    return this.#destroyedAt;
  }

  /** Another instance of the actor goes on with the connections that outlive it. */
  get sleeps(): boolean {
    return this.#mode === "slept";
  }

  /** A sleep under way becomes a destruction, unless its last commit is under way. */
  destroyInstead(): boolean {
    if (this.#finalizing) return this.#mode === "destroyed";
    this.#mode = "destroyed";
    this.#runtime.activity.recheck();
    return true;
  }

  /** `fromUserCode` when user code of the actor asked for it, which is still on the stack. */
  async run(fromUserCode: boolean): Promise<void> {
    let grace = this.#grace();
    if (!(await grace.covers(this.#quiet(fromUserCode)))) {
      this.#late = true;
      this.#warn();
      // What has to be cleaned up outside of the actor is, however long that goes on which it waited for.
      grace = this.#grace();
    }
    if (this.#mode === "destroyed" && !this.#isOver && !(await grace.covers(this.#leave()))) this.#warn();
    grace.end();
    if (!this.#isOver) await this.#finalize();
  }

  /** Gives up a start that takes longer than a stop may, unless the returned function is called before that. */
  boundStart(): () => void {
    const { definition, ports } = this.#runtime;
    const timer = ports.tasks.after(definition.options.sleepGracePeriod, () => {
      this.#warn();
      this.#runtime.status = "stopping";
      void this.#finalize();
    });
    return () => timer.cancel();
  }

  #grace(): Grace {
    const { definition, ports } = this.#runtime;
    return new Grace(ports.tasks, definition.options.sleepGracePeriod);
  }

  #warn(): void {
    if (this.#isOver) return;
    const graceMs = this.#runtime.definition.options.sleepGracePeriod;
    const { counts } = this.#runtime.activity;
    this.#runtime.log.warn("actor did not finish within its grace period", { graceMs, ...counts });
  }

  /** A commit that failed meanwhile has ended the instance. */
  get #isOver(): boolean {
    return this.#runtime.status === "stopped";
  }

  /** Lets what runs come to its end. Once the time for it is over, nothing of it goes on. */
  async #quiet(fromUserCode: boolean): Promise<void> {
    const runtime = this.#runtime;
    // What asked for the sleep ends its own turn first: its answer is no work of a sleeping actor.
    if (fromUserCode) {
      await new Promise<void>((resolve) => runtime.ports.tasks.macrotask(resolve));
      if (this.#isOver) return;
      runtime.notifyStopping();
    }
    if (this.#mode !== "destroyed") {
      await this.#hook("onSleep");
      await this.#drained();
      if (this.#late) return;
      runtime.queue.close();
    }
    // Looked at again: a destruction may have been asked for meanwhile.
    if (this.#mode === "destroyed") return this.#drained();
    await this.#disconnect();
  }

  /** Who is connected hears what `onDestroy` has to say. */
  async #leave(): Promise<void> {
    await this.#hook("onDestroy");
    if (this.#late) return;
    await this.#drained();
    if (!this.#isOver) await this.#disconnect();
    if (this.#isOver || this.#late) return;
    try {
      await this.#runtime.existingParts?.leaving();
    } catch (error) {
      this.#runtime.errors.report(error);
    }
  }

  async #disconnect(): Promise<void> {
    this.#closeConnections((code, reason, sleeps) =>
      this.#runtime.existingConnections?.closeAll(code, reason, sleeps),
    );
    await this.#drained();
  }

  /** A client comes back to an actor that stops, and not to one that is destroyed. */
  #closeConnections(close: (code: number, reason: string, sleeps: boolean) => void): void {
    if (this.#mode === "destroyed") close(1000, "actor.destroyed", false);
    else close(1001, "actor.stopping", this.#mode === "slept");
  }

  /** A sleep waits for the `run` handler, a destruction does not. */
  #drained(): Promise<void> {
    return this.#runtime.activity.drained(() => this.#mode !== "destroyed");
  }

  async #hook(name: "onSleep" | "onDestroy"): Promise<void> {
    try {
      await this.#runtime.hook(name, [new Context(this.#runtime)]);
    } catch (error) {
      this.#runtime.errors.report(error);
    }
  }

  async #finalize(): Promise<void> {
    const runtime = this.#runtime;
    this.#finalizing = true;
    // What has not succeeded by now never happened; code that still runs cannot change anything.
    if (runtime.inTransaction) runtime.transactions.rollback();
    runtime.transactionLock.refuseAll(runtime.errors.stopping());
    this.#closeConnections((code, reason, sleeps) =>
      runtime.existingConnections?.abandon(code, reason, sleeps),
    );
    runtime.interruptCalls(
      interruptedError("The actor stopped before the action ended; it may have run in part"),
    );
    if (this.#mode === "slept") runtime.existingConnections?.settle();
    if (this.#mode === "destroyed") {
      this.#destroyedAt = runtime.ports.clock.now();
      runtime.markDirty();
    }
    runtime.seal();
    try {
      await runtime.queue.finish(runtime.errors.stopping());
    } catch {
      // The failed commit has stopped the instance and told everyone who waited.
      return;
    }
    if (this.#mode === "slept") runtime.existingConnections?.hibernate();
    runtime.halt(this.#mode, undefined);
  }
}

/** A bounded time for what has to be done. */
class Grace {
  readonly #expired: Promise<false>;
  readonly #timer: Timer;

  constructor(tasks: Tasks, graceMs: number) {
    const { promise, resolve } = Promise.withResolvers<false>();
    this.#expired = promise;
    this.#timer = tasks.after(graceMs, () => resolve(false));
  }

  /** False when the time was over first; the work goes on then. */
  covers(work: Promise<void>): Promise<boolean> {
    return Promise.race([work.then(() => true), this.#expired]);
  }

  end(): void {
    this.#timer.cancel();
  }
}
