import { HoldfastError, validate } from "@holdfast/core";
import { CancelledError, type WorkflowError } from "../../workflow/errors.ts";
import type { WorkflowErrorEvent } from "../../workflow/types.ts";
import { Context } from "../context.ts";
import { type HotRecords, type Part, recordPrefix } from "../part.ts";
import type { Runtime } from "../runtime.ts";
import { tellParent } from "./child.ts";
import { execute, type Outcome } from "./execution.ts";
import { wasReported } from "./failure.ts";
import { DeterminismGuard } from "./guard.ts";
import { History } from "./history.ts";
import { workflowLimits } from "./limits.ts";
import { historySpace } from "./location.ts";
import { ContinueAsNew } from "./marks.ts";
import type { Program } from "./program.ts";
import {
  decodeBox,
  decodeHeader,
  describeError,
  encodeBox,
  encodeHeader,
  type Header,
  type ParentAddress,
  type WorkflowState,
} from "./record.ts";
import { runRollbacks } from "./rollback.ts";
import { type RunOwner, WorkflowRun } from "./run.ts";
import { Signals } from "./signals.ts";

const headerKey = new Uint8Array([recordPrefix.workflow, 0x01]);
const inputKey = new Uint8Array([recordPrefix.workflowHistory, historySpace.input]);
const outputKey = new Uint8Array([recordPrefix.workflowHistory, historySpace.output]);

const fresh: Header = {
  state: "pending",
  run: 0,
  startedAt: undefined,
  endedAt: undefined,
  error: undefined,
  resumable: false,
  cancelReason: undefined,
  parent: undefined,
};

export const terminalStates: ReadonlySet<WorkflowState> = new Set<WorkflowState>([
  "completed",
  "failed",
  "cancelled",
]);

/** The workflow of one actor: begins it, carries it over sleep and restarts, and answers for it. */
export class WorkflowPart implements Part, RunOwner {
  readonly runtime: Runtime;
  readonly program: Program;
  readonly history: History;
  readonly signals: Signals;
  #header: Header = fresh;
  #stored: Header = fresh;
  #before: { readonly header: Header; readonly stored: Header } | undefined;
  #input: unknown;
  #output: unknown;
  #run: WorkflowRun | undefined;
  /** The history is in memory. */
  #loaded: Promise<void> | undefined;
  #retryParentAt: number | undefined;
  /** When the run last began to do something: what the store wakes the actor for after a crash. */
  #activeSince: number | undefined;
  #stopping = false;
  #wakeAtStop: number | undefined;
  readonly #ended = new Set<() => void>();
  readonly #quiet = new Set<() => void>();
  readonly #listeners = new Set<() => void>();

  constructor(runtime: Runtime, program: Program) {
    this.runtime = runtime;
    this.program = program;
    this.history = new History(runtime.records);
    this.signals = new Signals(runtime);
  }

  get input(): unknown {
    return this.#input;
  }

  get generation(): number {
    return this.#header.run;
  }

  get header(): Header {
    return this.#header;
  }

  get output(): unknown {
    return this.#output;
  }

  get run(): WorkflowRun | undefined {
    return this.#run;
  }

  get terminal(): boolean {
    return terminalStates.has(this.#header.state);
  }

  // A part of the actor

  load(hot: HotRecords): void {
    const record = hot.get(recordPrefix.workflow)?.find(({ key }) => key[1] === headerKey[1]);
    if (record === undefined) return;
    this.#header = decodeHeader(record.value);
    this.#stored = this.#header;
  }

  get wakeAt(): number | undefined {
    if (this.#stopping && !this.terminal) return this.#wakeAtStop;
    return this.#nextWakeAt();
  }

  #nextWakeAt(): number | undefined {
    if (this.#retryParentAt !== undefined || this.terminal) return this.#retryParentAt;
    if (this.#activeSince !== undefined) return this.#activeSince;
    let earliest: number | undefined;
    for (const { deadline } of this.#run?.deadlines ?? []) {
      if (earliest === undefined || deadline < earliest) earliest = deadline;
    }
    return earliest;
  }

  started(): void {
    if (this.#header.parent !== undefined && this.terminal) this.tellParent();
    const { state, resumable } = this.#header;
    if (state === "pending" && this.program.manual) return;
    if (this.terminal && !(state === "failed" && resumable)) return;
    this.#launch();
  }

  closing(): void {
    this.#writeHeader();
  }

  #writeHeader(): void {
    if (this.#header === this.#stored) return;
    this.#stored = this.#header;
    this.runtime.records.put(headerKey, encodeHeader(this.#header));
  }

  savepoint(): void {
    this.#before = { header: this.#header, stored: this.#stored };
    this.signals.savepoint();
  }

  rollback(): void {
    if (this.#before === undefined) return;
    this.#header = this.#before.header;
    this.#stored = this.#before.stored;
    this.#before = undefined;
    this.signals.rollback();
  }

  keep(): void {
    this.#before = undefined;
  }

  stopping(): void {
    // What is waited for now is what the actor is to be woken for, although the waits end here.
    this.#wakeAtStop ??= this.#nextWakeAt();
    this.#stopping = true;
    this.#run?.stop();
  }

  stopped(): void {
    this.stopping();
    this.#settle(this.#ended);
  }

  // One run

  #launch(): void {
    const { state, startedAt, run } = this.#header;
    const rollingBack = state === "rolling_back";
    if (!rollingBack) {
      this.#set({
        state: "running",
        run: Math.max(run, 1),
        startedAt: startedAt ?? this.runtime.ports.clock.now(),
        endedAt: undefined,
        resumable: false,
      });
    }
    const guard = new DeterminismGuard(
      this.program.guard,
      () => this.runtime.log,
      (error) => {
        if (this.#run !== undefined) this.#run.fault ??= error;
      },
    );
    const current = new WorkflowRun(this, guard, rollingBack);
    this.#run = current;
    void this.#perform(current);
  }

  /** Loads what is cold. Idempotent. */
  loaded(): Promise<void> {
    this.#loaded ??= this.#load();
    return this.#loaded;
  }

  async #load(): Promise<void> {
    const { records } = this.runtime;
    const [input, output] = await Promise.all([records.get(inputKey), records.get(outputKey)]);
    this.#input = input && decodeBox(input);
    this.#output = output && decodeBox(output);
    // A workflow that has not begun has no history.
    if (this.#stored.run > 0) await this.history.load();
    await this.signals.load();
  }

  async #perform(run: WorkflowRun): Promise<void> {
    const root = run.fiber();
    try {
      await this.loaded();
      const outcome = await execute(run, root);
      if (!run.evicted) await this.#conclude(run, outcome);
    } catch (error) {
      // Only what keeps the record from being read or written comes here.
      if (!run.evicted) this.runtime.errors.report(error);
    } finally {
      if (this.#run === run && !this.#relaunched(run)) this.#finished();
      root.end();
    }
  }

  /** `continueAsNew` has put another run in place. */
  #relaunched(run: WorkflowRun): boolean {
    return this.#run !== run;
  }

  async #conclude(run: WorkflowRun, outcome: Outcome): Promise<void> {
    if (outcome.type === "evicted") return;
    if (run.collecting) return this.#rollBack(run, this.#header.error ?? unknownFailure);
    if (outcome.type === "completed") {
      const record = encodeBox(outcome.output);
      if (record.length > workflowLimits.maxValueBytes) {
        const message = `The output of a workflow has at most ${workflowLimits.maxValueBytes} bytes`;
        const error = new HoldfastError("workflow", "value_too_large", message, { statusCode: 413 });
        return this.#fail(run, error);
      }
      this.runtime.records.put(outputKey, record);
      this.#output = outcome.output;
      return this.#end({ state: "completed", error: undefined, resumable: false });
    }
    if (outcome.error instanceof ContinueAsNew) return this.#begin(outcome.error.input);
    await this.#fail(run, outcome.error);
  }

  async #fail(run: WorkflowRun, thrown: unknown): Promise<void> {
    const error = describeError(thrown);
    if (!wasReported(thrown) && error.message !== this.#stored.error?.message) {
      this.report({ workflow: { workflowId: this.runtime.id, error } });
    }
    // A fault of the code says nothing of what has been done: nothing is rolled back for it.
    const fault = run.fault !== undefined;
    const undo = !fault && run.rollbacks.length > 0;
    this.runtime.log.warn("workflow failed", {
      error: error.message,
      rollbacks: undo ? run.rollbacks.length : 0,
    });
    if (undo) {
      this.#set({ state: "rolling_back", error });
      this.#writeHeader();
      await run.durable();
      return this.#rollBack(run, error);
    }
    await this.#end({ state: "failed", error, resumable: fault || !wasReported(thrown) });
  }

  async #rollBack(run: WorkflowRun, error: WorkflowError): Promise<void> {
    const complete = await runRollbacks(run);
    if (run.evicted) return;
    await this.#end({ state: "failed", error, resumable: false });
    if (!complete) this.runtime.log.error("rollback stopped", { error: error.message });
  }

  async #end(how: Pick<Header, "state" | "error" | "resumable">): Promise<void> {
    this.#set({ ...how, endedAt: this.runtime.ports.clock.now() });
    this.#activeSince = undefined;
    this.#writeHeader();
    await this.runtime.queue.gate();
    if (this.#header.parent !== undefined) this.tellParent();
  }

  /** Begins a run with nothing but an input. */
  async #begin(input: unknown): Promise<void> {
    this.history.clear();
    this.#setInput(input);
    this.#set({ run: this.#header.run + 1, startedAt: this.runtime.ports.clock.now() });
    this.#writeHeader();
    await this.runtime.queue.gate();
    if (!this.#stopping) this.#launch();
  }

  #setInput(input: unknown): void {
    const record = encodeBox(this.runtime.unwrap(input));
    if (record.length > workflowLimits.maxValueBytes) {
      const message = `The input of a workflow has at most ${workflowLimits.maxValueBytes} bytes`;
      throw new HoldfastError("workflow", "value_too_large", message, { statusCode: 413 });
    }
    if (input === undefined) this.runtime.records.delete(inputKey);
    else this.runtime.records.put(inputKey, record);
    this.#input = decodeBox(record);
  }

  #set(change: Partial<Header>): void {
    this.#header = { ...this.#header, ...change };
  }

  #finished(): void {
    this.#run = undefined;
    this.#settle(this.#quiet);
    if (this.terminal) this.#settle(this.#ended);
  }

  #settle(waiting: Set<() => void>): void {
    const told = [...waiting];
    waiting.clear();
    for (const tell of told) tell();
  }

  // What runs ask of it

  resumed(run: WorkflowRun): void {
    this.runtime.activity.begin();
    if (this.#run !== run && this.#run !== undefined) return;
    this.#activeSince = this.runtime.ports.clock.now();
    if (this.#header.state === "sleeping") this.#set({ state: "running" });
  }

  paused(run: WorkflowRun): void {
    if (this.#run === run || this.#run === undefined) {
      this.#activeSince = undefined;
      this.#settle(this.#quiet);
      if (this.#header.state === "running" && !this.#stopping && this.#run === run) this.#nowSleeping();
    }
    this.runtime.activity.end();
  }

  #nowSleeping(): void {
    this.#set({ state: "sleeping" });
    if (this.runtime.sealed) return;
    this.#writeHeader();
    this.runtime.queue.close();
  }

  answered(): void {
    this.#settle(this.#listeners);
  }

  report(event: WorkflowErrorEvent): void {
    const { onError } = this.program;
    if (onError === undefined || this.runtime.sealed) return;
    const reporting = (async () => {
      await this.runtime.enter(() => onError(new Context(this.runtime) as never, event as never));
    })();
    const told = reporting
      .catch((error: unknown) => this.runtime.errors.report(error))
      .finally(() => this.runtime.queue.close());
    this.runtime.activity.keepAwake(told);
  }

  violated(member: string): void {
    this.runtime.log.warn("workflow uses its actor outside of a step", { member });
  }

  takeSignal(name: string): { readonly payload: unknown } | undefined {
    return this.signals.take(name);
  }

  onSignal(arrived: () => void): () => void {
    return this.signals.subscribe(arrived);
  }

  // What is asked from outside

  /** Begins the workflow unless it has begun; tells whether it has done so. */
  async start(input: unknown, parent?: ParentAddress): Promise<boolean> {
    const schema = this.program.input;
    const refusal = { group: "workflow", code: "invalid_input", what: "The input" };
    const checked = schema === undefined ? input : await validate(schema, input, refusal);
    if (this.#header.run > 0 || this.#header.state !== "pending") return false;
    this.#setInput(checked);
    this.#loaded ??= this.signals.load();
    this.#set({ run: 1, startedAt: this.runtime.ports.clock.now(), parent });
    if (this.runtime.status === "ready") this.#launch();
    else this.#set({ state: "running" });
    this.#writeHeader();
    return true;
  }

  /** Ends the workflow for good. False when it had ended. */
  async cancel(reason: string | undefined): Promise<boolean> {
    if (this.terminal) return false;
    const run = this.#run;
    await this.#end({
      state: "cancelled",
      error: { name: "CancelledError", message: reason ?? "The workflow was cancelled" },
      resumable: false,
    });
    run?.stop(new CancelledError("The workflow was cancelled"));
    this.#finishIfIdle();
    return true;
  }

  #finishIfIdle(): void {
    if (this.terminal) this.#settle(this.#ended);
  }

  /** Resolves when the workflow has ended, or the instance is out of memory. */
  async whenEnded(signal: AbortSignal): Promise<void> {
    while (!this.terminal && !signal.aborted && this.runtime.status !== "stopped") {
      await new Promise<void>((resolve) => {
        const ended = (): void => {
          this.#ended.delete(ended);
          signal.removeEventListener("abort", ended);
          resolve();
        };
        this.#ended.add(ended);
        signal.addEventListener("abort", ended, { once: true });
      });
    }
  }

  /** Resolves when the code has come as far as it can: it waits, or has ended. */
  async whenQuiet(): Promise<void> {
    if (this.#run === undefined || this.#header.state === "sleeping") return;
    await new Promise<void>((resolve) => this.#quiet.add(resolve));
  }

  onAnswer(arrived: () => void): () => void {
    this.#listeners.add(arrived);
    return () => this.#listeners.delete(arrived);
  }

  /** Forgets entries, and runs again from there. Throws `actor.workflow_in_flight`. */
  async restart(forget: () => void): Promise<void> {
    // The end of a run is seen a moment before the run is out of the way.
    while (this.terminal && this.#run !== undefined) {
      await new Promise<void>((resolve) => this.#quiet.add(resolve));
    }
    await this.loaded();
    if (!this.terminal || this.#run !== undefined) {
      const message = "Cannot replay a workflow while it is currently in flight";
      throw new HoldfastError("actor", "workflow_in_flight", message, { statusCode: 409 });
    }
    forget();
    this.runtime.records.delete(outputKey);
    this.#output = undefined;
    this.#set({ error: undefined, resumable: false, state: "running", endedAt: undefined });
    this.#launch();
    this.#writeHeader();
    await this.runtime.queue.gate();
  }

  /** The parent is told until it has heard. */
  tellParent(): void {
    const { parent } = this.#header;
    // The fork of a child is not that child: its parent waits for the other.
    if (parent === undefined || parent.child !== this.runtime.id) return;
    void tellParent(this, parent, {
      told: () => {
        this.#retryParentAt = undefined;
        this.#set({ parent: undefined });
        this.#writeHeader();
        this.runtime.queue.close();
      },
      retryAt: (at) => {
        this.#retryParentAt = at;
        this.runtime.markDirty();
        this.runtime.queue.close();
      },
    });
  }
}

const unknownFailure: WorkflowError = { name: "Error", message: "unknown error" };
