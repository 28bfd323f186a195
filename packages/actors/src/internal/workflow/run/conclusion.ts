import type { WorkflowError } from "../../../workflow/errors.ts";
import type { WorkflowErrorEvent } from "../../../workflow/outcomes.ts";
import { describeError, type Header } from "../history/record.ts";
import type { StoredWorkflow } from "../history/stored-workflow.ts";
import { wasReported } from "../steps/failure.ts";
import { ContinueAsNew } from "../steps/marks.ts";
import { runRollbacks } from "../steps/rollback.ts";
import type { Outcome } from "./execution.ts";
import type { WorkflowDependencies, WorkflowRun } from "./run.ts";

/** The workflow whose run ends. */
export interface ConclusionHost {
  readonly actor: WorkflowDependencies;
  /** Throws `workflow.invalid_input`. */
  validInput(input: unknown): Promise<unknown>;
  /** Calls the error handler of the workflow. */
  report(event: WorkflowErrorEvent): void;
  /** Called before the end is durable. */
  concluded(): void;
  /** Called when the end is durable. */
  reportToParent(): void;
  launch(): void;
}

/** Ends a run according to its outcome: records the output or the error, rolls back, or continues as a new run. */
export class Conclusion {
  readonly #host: ConclusionHost;
  readonly #stored: StoredWorkflow;

  constructor(host: ConclusionHost, stored: StoredWorkflow) {
    this.#host = host;
    this.#stored = stored;
  }

  async conclude(run: WorkflowRun, outcome: Outcome): Promise<void> {
    if (outcome.type === "evicted") return;
    if (run.collecting) {
      const thrown = outcome.type === "failed" ? outcome.error : undefined;
      return this.#rollBack(run, thrown, this.#stored.header.error ?? unknownFailure);
    }
    if (outcome.type === "completed") {
      try {
        this.#stored.setOutput(outcome.output);
      } catch (error) {
        return this.#fail(run, error);
      }
      return this.#end(run, { state: "completed", error: undefined, resumable: false });
    }
    if (outcome.error instanceof ContinueAsNew) return this.#continueAsNew(run, outcome.error);
    await this.#fail(run, outcome.error);
  }

  async #fail(run: WorkflowRun, thrown: unknown): Promise<void> {
    const error = describeError(thrown);
    // An error of the code itself says nothing about completed steps: nothing is rolled back.
    const fault = run.fault !== undefined;
    const undo = !fault && run.rollbacks.length > 0;
    this.#host.actor.log.warn("workflow failed", {
      error: error.message,
      rollbacks: undo ? run.rollbacks.length : 0,
    });
    if (undo) {
      this.#stored.set({ state: "rolling_back", error });
      this.#stored.write();
      await run.durable();
      return this.#rollBack(run, thrown, error);
    }
    if (error.message !== this.#stored.written.error?.message) this.#reportFailure(thrown, error);
    await this.#end(run, { state: "failed", error, resumable: fault || !wasReported(thrown) });
  }

  /** Errors of steps were reported individually. */
  #reportFailure(thrown: unknown, error: WorkflowError): void {
    if (!wasReported(thrown)) this.#host.report({ workflow: { workflowId: this.#host.actor.id, error } });
  }

  async #rollBack(run: WorkflowRun, thrown: unknown, error: WorkflowError): Promise<void> {
    const complete = await runRollbacks(run);
    await run.outsideTransaction();
    if (run.evicted) return;
    // A failed rollback was reported instead.
    if (complete) this.#reportFailure(thrown, error);
    await this.#end(run, { state: "failed", error, resumable: false });
    if (!complete) this.#host.actor.log.error("rollback stopped", { error: error.message });
  }

  async #end(run: WorkflowRun, how: Pick<Header, "state" | "error" | "resumable">): Promise<void> {
    this.#stored.set({ ...how, endedAt: this.#host.actor.ports.clock.now() });
    run.releaseMessages();
    this.#host.concluded();
    this.#stored.write();
    await this.#host.actor.queue.gate();
    this.#host.reportToParent();
  }

  /** Starts a new run with only an input; if the input cannot be recorded, the current run fails. */
  async #continueAsNew(run: WorkflowRun, { input }: ContinueAsNew): Promise<void> {
    try {
      const checked = await this.#host.validInput(input);
      await run.outsideTransaction();
      if (run.evicted) return;
      this.#stored.setInput(checked);
    } catch (error) {
      return run.evicted ? undefined : this.#fail(run, error);
    }
    this.#stored.history.clear();
    run.releaseMessages();
    this.#stored.set({ run: this.#stored.header.run + 1, startedAt: this.#host.actor.ports.clock.now() });
    this.#stored.write();
    await this.#host.actor.queue.gate();
    if (!run.evicted) this.#host.launch();
  }
}

const unknownFailure: WorkflowError = { name: "Error", message: "unknown error" };
