import { HoldfastError } from "@holdfast/core";
import { outsideTransaction } from "../internal/turn/outside-transaction.ts";
import type { WorkflowInspection } from "../internal/workflow/history/inspected.ts";
import { inspectWorkflow } from "../internal/workflow/history/inspection.ts";
import { partOf } from "../internal/workflow/run/actions.ts";
import type { WorkflowPart } from "../internal/workflow/run/part.ts";
import { replayWorkflow } from "../internal/workflow/run/replay.ts";
import { StepTarget } from "../internal/workflow/steps/step-context.ts";
import type { WorkflowError } from "./errors.ts";
import type { WorkflowState } from "./types.ts";

/** The state of a workflow. */
export interface WorkflowStatus<Output = unknown> {
  readonly state: WorkflowState;
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** Set once the workflow has completed. */
  readonly output?: Output;
  /** Why it failed or was cancelled. */
  readonly error?: WorkflowError;
}

/** The workflow of an actor, for its actions and hooks: `workflowControl(c)`. */
export class WorkflowControl<Output = unknown> {
  readonly #part: WorkflowPart;
  /** The context of the caller. */
  readonly #owner: object;

  constructor(part: WorkflowPart, owner: object) {
    this.#part = part;
    this.#owner = owner;
  }

  /**
   * Starts a workflow that does not start by itself; returns false if it had started. Throws `workflow.invalid_input`.
   */
  start(input?: unknown): Promise<boolean> {
    return this.#part.start(input);
  }

  async status(): Promise<WorkflowStatus<Output>> {
    const { header } = this.#part;
    const ended =
      header.state === "failed" || header.state === "cancelled" || header.state === "rolling_back";
    if (header.state === "completed") await this.#part.ensureLoaded();
    return {
      state: header.state,
      ...(header.startedAt === undefined ? {} : { startedAt: header.startedAt }),
      ...(header.endedAt === undefined ? {} : { endedAt: header.endedAt }),
      ...(header.error === undefined || !ended ? {} : { error: header.error }),
      // The definition determines the type of the output.
      ...(header.state === "completed" ? { output: this.#part.output as Output } : {}),
    };
  }

  /**
   * Waits for the result. Throws `workflow.failed`, `workflow.cancelled`, `workflow.interrupted` if the actor leaves
   * memory first (call again), and `workflow.waits_for_itself` in a step or a transaction.
   */
  async result(signal: AbortSignal): Promise<Output> {
    const part = this.#part;
    if (!part.terminal) await this.#wait(() => part.whenEnded(signal));
    const { state, error } = part.header;
    if (!part.terminal) {
      const message = "The actor leaves memory before its workflow has ended. Call again";
      throw new HoldfastError("workflow", "interrupted", message, { statusCode: 503 });
    }
    await part.ensureLoaded();
    if (state === "completed") return part.output as Output;
    const code = state === "cancelled" ? "cancelled" : "failed";
    throw new HoldfastError("workflow", code, error?.message ?? `The workflow has ${state}`, {
      statusCode: 409,
      metadata: { error },
    });
  }

  /**
   * Cancels the workflow; returns false if it has ended, or is rolling back after a failure, which continues. The
   * `abortSignal` of running steps aborts.
   */
  cancel(reason?: string): Promise<boolean> {
    return this.#part.cancel(reason);
  }

  /**
   * Sends a signal to the workflow, which is stored until the workflow takes it. Throws `workflow.signals_full`,
   * `workflow.signal_too_large`, `workflow.ended`.
   */
  async signal(name: string, payload?: unknown): Promise<void> {
    this.#assertGoesOn();
    await this.#part.ensureLoaded();
    // It may have ended while its history was read.
    this.#assertGoesOn();
    this.#part.signals.add(name, payload);
  }

  #assertGoesOn(): void {
    if (!this.#part.terminal) return;
    throw new HoldfastError("workflow", "ended", "The workflow has ended and accepts no signals", {
      statusCode: 409,
    });
  }

  /**
   * Runs a query of the workflow, once its code waits or has ended. Throws `workflow.query_not_found`, and
   * `workflow.waits_for_itself` in a step, and in a transaction while the workflow is active.
   */
  async query<Result = unknown>(name: string, ...args: readonly unknown[]): Promise<Result> {
    const part = this.#part;
    if (!part.quiet) await this.#wait(() => part.whenQuiet());
    const handler = part.run?.queries.get(name);
    if (handler === undefined) {
      const message = `The workflow has no query "${name}"${part.terminal ? ": it has ended" : ""}`;
      throw new HoldfastError("workflow", "query_not_found", message, { statusCode: 404 });
    }
    return (await handler(...(args as never[]))) as Result;
  }

  /** Waits while the workflow runs, and lets it use the actor in the meantime. */
  #wait(wait: () => Promise<void>): Promise<void> {
    const { actor } = this.#part;
    const inTransaction = actor.inTransaction && actor.transactions.openOf(this.#owner) !== undefined;
    if (inTransaction || this.#owner instanceof StepTarget) return Promise.reject(waitsForItself());
    return outsideTransaction(actor, this.#owner, wait);
  }

  /** The history and state, in the form that inspectors read. */
  inspect(): Promise<WorkflowInspection> {
    return inspectWorkflow(this.#part);
  }

  /**
   * Runs a finished workflow again, from an entry or from the beginning. Throws `actor.workflow_in_flight`,
   * `workflow.entry_not_found`, `workflow.not_replayable`.
   */
  replay(entryId?: string): Promise<void> {
    return replayWorkflow(this.#part, entryId);
  }
}

/**
 * The workflow of the actor that a context belongs to. Clients control it only through actions of the actor. Throws
 * `workflow.not_defined`.
 */
export function workflowControl<Output = unknown>(c: object): WorkflowControl<Output> {
  const part = partOf(c);
  if (part === undefined) {
    throw new HoldfastError("workflow", "not_defined", "The `run` of this actor is not a workflow");
  }
  return new WorkflowControl<Output>(part, c);
}

function waitsForItself(): HoldfastError {
  const message = "The workflow continues only after this step or transaction. Call it before or after";
  return new HoldfastError("workflow", "waits_for_itself", message, { statusCode: 409 });
}
