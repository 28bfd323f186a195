/** Runs of a workflow: program, scopes, context, child workflows, replay. */
import { messageOf, type Timer } from "@holdfast/core";
import { actorLimits } from "../../../limits.ts";
import { CancelledError, EvictedError } from "../../../workflow/errors.ts";
import type { WorkflowErrorEvent } from "../../../workflow/outcomes.ts";
import type { ContextSource } from "../../calls/context.ts";
import { containListenerErrors } from "../../calls/user-signal.ts";
import type { ActorCore } from "../../lifecycle/actor-core.ts";
import type { QueuePart } from "../../queue/part.ts";
import type { DeterminismGuard } from "../history/guard.ts";
import type { Entry, History } from "../history/history.ts";
import type { Segment } from "../history/location.ts";
import { workflowLimits } from "../limits.ts";
import { RefusalLimit } from "../steps/refusal-limit.ts";
import type { Signals } from "../steps/signals.ts";
import type { Program } from "./program.ts";
import { ReplayEnd } from "./replay-end.ts";

/** The components that a workflow works with. */
export interface WorkflowDependencies extends ActorCore {
  readonly parts: Omit<ContextSource["parts"], "queues"> & { readonly queues: QueuePart };
}

/** Maximum number of microtasks from the end of a step's code to its record. */
const settlingTicks = 4;

/** A rollback to run if the workflow fails. */
export interface Rollback {
  readonly entry: Entry;
  readonly output: unknown;
  readonly undo: (step: never, output: never) => unknown;
}

/** The part that hosts a run, as the run uses it. */
export interface RunHost {
  readonly actor: WorkflowDependencies;
  readonly program: Program;
  readonly history: History;
  readonly signals: Signals;
  readonly input: unknown;
  /** Counts the runs of the workflow. */
  readonly generation: number;
  /** Called when the run cannot continue without a timer or an external event. */
  paused(run: WorkflowRun): void;
  resumed(run: WorkflowRun): void;
  report(event: WorkflowErrorEvent): void;
  /** Called when a member of the actor was used outside of a step. */
  usedOutsideStep(member: string): void;
}

/** One execution of a workflow's function in memory: from a start, or a wake, to its end. */
export class WorkflowRun {
  readonly owner: RunHost;
  readonly actor: WorkflowDependencies;
  readonly history: History;
  readonly guard: DeterminismGuard;
  readonly queries = new Map<string, (...args: never[]) => unknown>();
  readonly rollbacks: Rollback[] = [];
  /** True if the run only replays; the first operation that is not recorded ends it. */
  readonly collecting: boolean;
  /** An error of the code that must not be hidden by code that catches it. */
  fault: Error | undefined;
  checkpointSet = false;
  /** Number of running steps by name. */
  readonly running = new Map<string, number>();
  /** Number of running steps with a rollback. */
  undoable = 0;
  /** Received, uncompleted messages, and the entries that record them. */
  readonly openMessages = new Map<number, Entry>();
  readonly stepFreed = new Set<() => void>();
  /** Deadlines of the current waits. */
  readonly deadlines = new Set<{ readonly deadline: number }>();
  #root: Fiber | undefined;
  #stop: Error | undefined;
  #active = 0;
  readonly refusalLimit = new RefusalLimit();
  readonly #onStop: (() => void)[] = [];
  readonly #childWaits = new Set<() => void>();

  constructor(owner: RunHost, guard: DeterminismGuard, collecting: boolean) {
    this.owner = owner;
    this.actor = owner.actor;
    this.history = owner.history;
    this.guard = guard;
    this.collecting = collecting;
  }

  get evicted(): boolean {
    return this.#stop !== undefined;
  }

  /** True while any of it runs; otherwise all of it waits. */
  get active(): boolean {
    return this.#active > 0;
  }

  now(): number {
    return this.actor.ports.clock.now();
  }

  /** Creates a fiber; one that is `collecting` only registers the rollbacks of recorded steps. */
  fiber(parent?: Fiber, collecting = false): Fiber {
    const fiber = new Fiber(this, parent, collecting);
    if (parent === undefined) this.#root = fiber;
    if (this.#stop !== undefined) fiber.cancel(this.#stop);
    return fiber;
  }

  /** Logs the failure of a branch that lost its race: it has no caller that could receive the error. */
  logLateFailure(branch: string, error: unknown): void {
    this.actor.log.warn("branch failed after its race was over", {
      branch,
      error: messageOf(error),
    });
  }

  /** Calls `arrived` whenever a child has ended, until the returned function is called. */
  onChild(arrived: () => void): () => void {
    this.#childWaits.add(arrived);
    return () => this.#childWaits.delete(arrived);
  }

  childEnded(): void {
    for (const notify of [...this.#childWaits]) notify();
  }

  /** Calls back when the run is stopped, or immediately if it already is. */
  onStop(stopped: () => void): void {
    if (this.evicted) stopped();
    else this.#onStop.push(stopped);
  }

  /** Stops the run; its waits reject with `reason`. */
  stop(reason: Error = new EvictedError()): void {
    if (this.#stop !== undefined) return;
    this.#stop = reason;
    this.#root?.cancel(reason);
    for (const stopped of this.#onStop) stopped();
  }

  /**
   * Resolves when no transaction is open, so that a synchronous record is not rolled back with an unrelated
   * transaction. Throws when the actor stops.
   */
  async outsideTransaction(): Promise<void> {
    await this.actor.transactionLock.pass();
    while (this.actor.inTransaction) await this.actor.transactionLock.pass();
  }

  /** Records something from code that cannot wait for the end of a transaction. */
  record(write: () => void): void {
    if (!this.actor.inTransaction) return write();
    this.outsideTransaction().then(write, () => {
      // The actor stops: as after a crash, the next start finds nothing of it.
    });
  }

  /** Returns messages that will not be completed: all, or those below a branch that has lost. */
  releaseMessages(below: readonly Segment[] = []): void {
    if (this.openMessages.size === 0 || this.actor.phase.status !== "ready") return;
    const { queues } = this.actor.parts;
    for (const [id, entry] of this.openMessages) {
      if (below.some((segment, at) => entry.path[at] !== segment)) continue;
      this.openMessages.delete(id);
      queues.redeliverById(id, "its workflow continued without completing it");
    }
  }

  /** Resolves when everything recorded so far is durable. Throws an eviction if it cannot become durable. */
  async durable(): Promise<void> {
    this.history.pending = false;
    // Steps of other branches that have just ended add their records to the same turn.
    for (let tick = 0; tick < settlingTicks; tick++) await undefined;
    try {
      while (this.actor.inTransaction) await this.actor.transactionLock.pass();
      await this.actor.queue.gate();
    } catch {
      // The commit has failed: the instance is out of memory, and the next one continues from the record.
      this.stop();
      throw new EvictedError();
    }
  }

  fiberResumed(): void {
    if (this.#active++ === 0) this.owner.resumed(this);
  }

  fiberPaused(): void {
    if (--this.#active === 0) this.owner.paused(this);
  }
}

/**
 * One strand of execution: the workflow itself, or a branch of a join or race. It either runs or waits; when all of
 * them wait, the actor may sleep.
 */
export class Fiber {
  readonly run: WorkflowRun;
  /** True if it only replays; the first operation that is not recorded ends it. */
  readonly collecting: boolean;
  readonly refusalLimit: RefusalLimit;
  readonly #parent: Fiber | undefined;
  readonly #children = new Set<Fiber>();
  readonly #waits = new Set<(reason: Error) => void>();
  #controller: AbortController | undefined;
  #cancelled: Error | undefined;
  #running = false;
  #ended = false;

  constructor(run: WorkflowRun, parent: Fiber | undefined, collecting = false) {
    this.run = run;
    this.collecting = collecting || (parent?.collecting ?? run.collecting);
    this.refusalLimit = collecting ? new RefusalLimit() : (parent?.refusalLimit ?? run.refusalLimit);
    this.#parent = parent;
    if (parent !== undefined) parent.#children.add(this);
    this.#resume();
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      containListenerErrors(this.#controller.signal, (error) => this.run.actor.errors.report(error));
      if (this.#cancelled !== undefined) this.#controller.abort(this.#cancelled);
    }
    return this.#controller.signal;
  }

  get cancelled(): Error | undefined {
    return this.#cancelled ?? this.#parent?.cancelled;
  }

  /** Throws if this fiber must not continue. */
  check(): void {
    const reason = this.cancelled;
    if (reason !== undefined) throw reason;
  }

  cancel(reason: Error = new CancelledError()): void {
    if (this.#cancelled !== undefined) return;
    this.#cancelled = reason;
    this.#controller?.abort(reason);
    for (const child of [...this.#children]) child.cancel(reason);
    for (const reject of [...this.#waits]) reject(reason);
  }

  /** Removes the fiber from the count: it has ended, or its result is no longer needed. */
  end(): void {
    for (const child of [...this.#children]) child.end();
    if (this.#parent !== undefined) this.#parent.#children.delete(this);
    this.#ended = true;
    this.#pause();
  }

  #resume(): void {
    if (this.#running || this.#ended) return;
    this.#running = true;
    this.run.fiberResumed();
  }

  #pause(): void {
    if (!this.#running) return;
    this.#running = false;
    this.run.fiberPaused();
  }

  /** Waits for something that does not keep the actor awake. */
  async block<T>(awaited: Promise<T>): Promise<T> {
    this.#pause();
    try {
      return await awaited;
    } finally {
      this.#resume();
    }
  }

  /**
   * Waits until `subscribe`'s callback is called or the deadline passes: "arrived" or "expired". Rejects when the
   * fiber is cancelled. The deadline outlives the actor's sleep.
   */
  wait(
    until: number | undefined,
    subscribe?: (arrived: () => void) => () => void,
  ): Promise<"arrived" | "expired"> {
    this.check();
    if (this.collecting) throw new ReplayEnd();
    const { promise, resolve, reject } = Promise.withResolvers<"arrived" | "expired">();
    const { actor, deadlines } = this.run;
    // Beyond the latest valid date, it never comes.
    const deadline = until !== undefined && until > workflowLimits.latestTime ? undefined : until;
    let timer: Timer | undefined;
    let unsubscribe: (() => void) | undefined;
    let settled = false;
    const settle = (how: () => void): void => {
      if (settled) return;
      settled = true;
      timer?.cancel();
      unsubscribe?.();
      this.#waits.delete(cancelled);
      if (deadline !== undefined) deadlines.delete(wait);
      how();
    };
    const cancelled = (reason: Error): void => settle(() => reject(reason));
    const wait = { deadline: deadline ?? 0 };
    const arm = (): void => {
      if (deadline === undefined || settled) return;
      const remainingMs = deadline - actor.ports.clock.now();
      if (remainingMs <= 0) settle(() => resolve("expired"));
      else timer = actor.ports.tasks.after(Math.min(remainingMs, actorLimits.maxTimerMs), arm);
    };
    this.#waits.add(cancelled);
    if (deadline !== undefined) deadlines.add(wait);
    unsubscribe = subscribe?.(() => settle(() => resolve("arrived")));
    arm();
    // It may have settled synchronously, before there was something to unsubscribe.
    if (settled) unsubscribe?.();
    return this.block(promise);
  }
}
