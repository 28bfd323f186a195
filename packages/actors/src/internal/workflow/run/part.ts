import { HoldfastError, isErrorCode, messageOf, validate } from "@holdfast/core";
import { CancelledError } from "../../../workflow/errors.ts";
import type { WorkflowErrorEvent } from "../../../workflow/outcomes.ts";
import { Context } from "../../calls/context.ts";
import type { HotRecords, Part } from "../../lifecycle/part.ts";
import { DeterminismGuard } from "../history/guard.ts";
import type { History } from "../history/history.ts";
import { describeError, type Header, type ParentAddress, terminalStates } from "../history/record.ts";
import { StoredWorkflow } from "../history/stored-workflow.ts";
import { remoteRetry } from "../limits.ts";
import type { Signals } from "../steps/signals.ts";
import { Conclusion, type ConclusionHost } from "./conclusion.ts";
import { execute } from "./execution.ts";
import { ParentLink } from "./parent-link.ts";
import type { Program } from "./program.ts";
import { type RunHost, type WorkflowDependencies, WorkflowRun } from "./run.ts";

/** The workflow of one actor: starts it, continues it after sleeps and restarts, and answers requests about it. */
export class WorkflowPart implements Part, RunHost, ConclusionHost {
  readonly actor: WorkflowDependencies;
  readonly program: Program;
  readonly #stored: StoredWorkflow;
  /** Actions to perform once the open transaction has succeeded. */
  readonly #afterCommit: (() => void)[] = [];
  #run: WorkflowRun | undefined;
  readonly #parentLink: ParentLink;
  readonly #conclusion: Conclusion;
  /** When the run became active: the wake-up time of the actor after a crash. */
  #activeSince: number | undefined;
  #stopping = false;
  #wakeAtAfterStop: number | undefined;
  readonly #endWaiters = new Set<() => void>();
  readonly #quietWaiters = new Set<() => void>();

  constructor(actor: WorkflowDependencies, program: Program) {
    this.actor = actor;
    this.program = program;
    this.#stored = new StoredWorkflow(actor);
    this.#parentLink = new ParentLink(this, this.#stored);
    this.#conclusion = new Conclusion(this, this.#stored);
  }

  get history(): History {
    return this.#stored.history;
  }

  get signals(): Signals {
    return this.#stored.signals;
  }

  get input(): unknown {
    return this.#stored.input;
  }

  get generation(): number {
    return this.header.run;
  }

  get header(): Header {
    return this.#stored.header;
  }

  get output(): unknown {
    return this.#stored.output;
  }

  get run(): WorkflowRun | undefined {
    return this.#run;
  }

  get terminal(): boolean {
    return terminalStates.has(this.header.state);
  }

  // A part of the actor

  load(hot: HotRecords): void {
    this.#stored.read(hot);
  }

  /** The input of the actor is the input of its workflow, unless `onCreate` has started it with another one. */
  async created(input: unknown): Promise<void> {
    if (input !== undefined) await this.start(input);
  }

  get wakeAt(): number | undefined {
    if (this.#stopping && !this.terminal) return this.#wakeAtAfterStop;
    return this.#nextWakeAt();
  }

  #nextWakeAt(): number | undefined {
    if (this.#parentLink.retryAt !== undefined) return this.#parentLink.retryAt;
    // A parent is notified after a crash, too: nothing else would wake it or its child.
    if (this.terminal) return this.#parentLink.waiting ? this.header.endedAt : undefined;
    if (this.#activeSince !== undefined) return this.#activeSince;
    let earliest: number | undefined;
    for (const { deadline } of this.#run?.deadlines ?? []) {
      if (earliest === undefined || deadline < earliest) earliest = deadline;
    }
    return earliest;
  }

  started(): void {
    if (this.header.parent !== undefined && this.terminal) void this.#parentLink.report();
    const { state, resumable } = this.header;
    if (state === "pending" && this.program.manual) return;
    if (this.terminal && !(state === "failed" && resumable)) return;
    this.launch();
  }

  closing(): void {
    this.#stored.write();
  }

  savepoint(): void {
    this.#stored.savepoint();
  }

  rollback(): void {
    this.#afterCommit.length = 0;
    if (!this.#stored.rollback()) return;
    // Whether it currently waits is not rolled back.
    if (this.#run?.active === false && this.header.state === "running") this.#set({ state: "sleeping" });
    else if (this.#run?.active === true && this.header.state === "sleeping") this.#set({ state: "running" });
  }

  keep(): void {
    this.#stored.keep();
    for (const act of this.#afterCommit.splice(0)) act();
  }

  /** Runs now, or after the open transaction if that succeeds. */
  #afterTransaction(act: () => void): void {
    if (this.actor.inTransaction) this.#afterCommit.push(act);
    else act();
  }

  /** Notifies a waiting parent: no other result will come from this actor. */
  async destroying(): Promise<void> {
    if (!this.#parentLink.waiting) return;
    if (!this.terminal) {
      const error = describeError(destroyedError());
      this.#set({ state: "cancelled", error, resumable: false, endedAt: this.actor.ports.clock.now() });
      this.#stored.write();
    }
    await this.#parentLink.report();
  }

  stopping(): void {
    // The deadlines of the current waits are the wake-up time of the actor, although the waits end here.
    this.#wakeAtAfterStop ??= this.#nextWakeAt();
    this.#stopping = true;
    this.#run?.stop();
  }

  stopped(): void {
    this.stopping();
    this.#resolveAll(this.#endWaiters);
  }

  // One run

  /** Runs the code over the history. */
  launch(): void {
    const { state, startedAt, run } = this.header;
    const rollingBack = state === "rolling_back";
    if (!rollingBack) {
      this.#set({
        state: "running",
        run: Math.max(run, 1),
        startedAt: startedAt ?? this.actor.ports.clock.now(),
        endedAt: undefined,
        resumable: false,
      });
    }
    const guard = new DeterminismGuard(
      this.program.guard,
      () => this.actor.log,
      (error) => {
        if (this.#run !== undefined) this.#run.fault ??= error;
      },
    );
    const current = new WorkflowRun(this, guard, rollingBack);
    this.#run = current;
    void this.#runCode(current);
  }

  /** Loads the cold data. Idempotent; after a failure the next call tries again. */
  ensureLoaded(): Promise<void> {
    return this.#stored.ensureLoaded();
  }

  async #runCode(run: WorkflowRun): Promise<void> {
    const root = run.fiber();
    try {
      await this.#loadWithRetries(run);
      if (run.evicted) return;
      const outcome = await execute(run, root);
      await run.outsideTransaction();
      if (!run.evicted) await this.#conclusion.conclude(run, outcome);
    } catch (error) {
      // Only errors of reading or writing the history arrive here.
      if (!run.evicted) this.actor.errors.report(error);
    } finally {
      // After `continueAsNew` another run has replaced this one.
      if (this.#run === run) this.#finished();
      root.end();
    }
  }

  /** Nothing else would wake the actor for an unreadable history: reading is retried until it succeeds. */
  async #loadWithRetries(run: WorkflowRun): Promise<void> {
    const { tasks } = this.actor.ports;
    let delay: number = remoteRetry.firstMs;
    while (!run.evicted) {
      try {
        return await this.ensureLoaded();
      } catch (error) {
        if (!isErrorCode(error, "store", "unavailable")) throw error;
        this.actor.log.warn("workflow cannot be read yet", { error: messageOf(error) });
        await new Promise<void>((resolve) => {
          const timer = tasks.after(delay, resolve);
          run.onStop(() => {
            timer.cancel();
            resolve();
          });
        });
        delay = Math.min(delay * 2, remoteRetry.lastMs);
      }
    }
  }

  /** Throws `workflow.invalid_input`. */
  async validInput(input: unknown): Promise<unknown> {
    const schema = this.program.input;
    const refusal = { group: "workflow", code: "invalid_input", what: "The input" };
    return schema === undefined ? input : validate(schema, this.actor.state.unwrap(input), refusal);
  }

  #set(change: Partial<Header>): void {
    this.#stored.set(change);
  }

  #finished(): void {
    this.#run = undefined;
    this.#resolveAll(this.#quietWaiters);
    // The caller of `cancel` reports it once it is durable.
    if (this.terminal && this.header.state !== "cancelled") this.#resolveAll(this.#endWaiters);
  }

  #resolveAll(waiting: Set<() => void>): void {
    const resolves = [...waiting];
    waiting.clear();
    for (const resolve of resolves) resolve();
  }

  // Called by runs

  /** Called when a run has reached its end, before its end is durable. */
  concluded(): void {
    this.#activeSince = undefined;
  }

  /** Called when the end of a run is durable. */
  reportToParent(): void {
    if (this.header.parent !== undefined) void this.#parentLink.report();
  }

  resumed(run: WorkflowRun): void {
    this.actor.activity.begin();
    if (this.#run !== run && this.#run !== undefined) return;
    this.#activeSince = this.actor.ports.clock.now();
    if (this.header.state === "sleeping") this.#set({ state: "running" });
  }

  paused(run: WorkflowRun): void {
    if (this.#run === run || this.#run === undefined) {
      this.#activeSince = undefined;
      this.#resolveAll(this.#quietWaiters);
      if (this.header.state === "running" && !this.#stopping && this.#run === run) this.#fallAsleep();
    }
    this.actor.activity.end();
  }

  #fallAsleep(): void {
    this.#set({ state: "sleeping" });
    if (this.actor.phase.sealed) return;
    this.#stored.write();
    this.actor.queue.close();
  }

  report(event: WorkflowErrorEvent): void {
    const { onError } = this.program;
    if (onError === undefined || this.actor.phase.sealed) return;
    const reporting = (async () => {
      await this.actor.turn.enter(() => onError(new Context(this.actor.context) as never, event as never));
    })();
    const handled = reporting
      .catch((error: unknown) => this.actor.errors.report(error))
      .finally(() => this.actor.queue.close());
    this.actor.activity.keepAwake(handled);
  }

  usedOutsideStep(member: string): void {
    this.actor.log.warn("workflow uses its actor outside of a step", { member });
  }

  // Called from outside

  /** Starts the workflow unless it has started; returns whether it did. */
  async start(input: unknown, parent?: ParentAddress): Promise<boolean> {
    const checked = await this.validInput(input);
    if (this.header.run > 0 || this.header.state !== "pending") return false;
    this.#stored.begin(checked);
    this.#set({ state: "running", run: 1, startedAt: this.actor.ports.clock.now(), parent });
    // One that is started in a start hook is launched after the hooks.
    if (this.actor.phase.status === "ready") this.#afterTransaction(() => this.launch());
    this.#stored.write();
    return true;
  }

  /** Cancels the workflow. Returns false if it has ended or is rolling back, which is not interrupted. */
  async cancel(reason: string | undefined): Promise<boolean> {
    if (this.terminal || this.header.state === "rolling_back") return false;
    this.#set({
      state: "cancelled",
      error: { name: "CancelledError", message: reason ?? "The workflow was cancelled" },
      resumable: false,
      endedAt: this.actor.ports.clock.now(),
    });
    this.#stored.write();
    this.#afterTransaction(() => this.#cancelled());
    const settle = (): void => this.#resolveAll(this.#endWaiters);
    if (this.actor.inTransaction) this.actor.queue.after({ release: settle, drop: settle });
    else {
      await this.actor.queue.gate();
      settle();
    }
    return true;
  }

  #cancelled(): void {
    this.#activeSince = undefined;
    this.#run?.releaseMessages();
    // Synchronous: running code could otherwise end the workflow differently before this is durable.
    this.#run?.stop(new CancelledError("The workflow was cancelled"));
    this.reportToParent();
  }

  /** Resolves when the workflow has ended, or the instance is out of memory. */
  async whenEnded(signal: AbortSignal): Promise<void> {
    while (!this.terminal && !signal.aborted && this.actor.phase.status !== "stopped") {
      await new Promise<void>((resolve) => {
        const ended = (): void => {
          this.#endWaiters.delete(ended);
          signal.removeEventListener("abort", ended);
          resolve();
        };
        this.#endWaiters.add(ended);
        signal.addEventListener("abort", ended, { once: true });
      });
    }
  }

  /** Resolves when the code waits or has ended. */
  get quiet(): boolean {
    return this.#run === undefined || this.header.state === "sleeping";
  }

  async whenQuiet(): Promise<void> {
    if (this.quiet) return;
    await new Promise<void>((resolve) => this.#quietWaiters.add(resolve));
  }

  /**
   * Deletes entries with `deleteEntries`, and runs again from there; `fromBeginning` if none are left. Throws
   * `actor.workflow_in_flight`, `actor.output_in_transaction`.
   */
  async restart(fromBeginning: boolean, deleteEntries: () => void): Promise<void> {
    await this.actor.queue.gate();
    // The end of a run is visible shortly before its code has finished.
    while (this.terminal && this.#run !== undefined) {
      await new Promise<void>((resolve) => this.#quietWaiters.add(resolve));
    }
    await this.ensureLoaded();
    if (!this.terminal || this.#run !== undefined) {
      const message = "Cannot replay a workflow while it is currently in flight";
      throw new HoldfastError("actor", "workflow_in_flight", message, { statusCode: 409 });
    }
    deleteEntries();
    this.#parentLink.reset();
    this.#stored.forgetOutput();
    // A new generation, so that the idempotency keys of its steps differ from those of the run before.
    const run = this.header.run + (fromBeginning ? 1 : 0);
    this.#set({ run, error: undefined, resumable: false, state: "running", endedAt: undefined });
    this.launch();
    this.#stored.write();
    await this.actor.queue.gate();
  }
}

function destroyedError(): HoldfastError {
  const message = "The actor of the workflow was destroyed before the workflow had ended";
  return new HoldfastError("workflow", "actor_destroyed", message, { statusCode: 409 });
}
