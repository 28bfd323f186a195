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

/** Where a workflow stands. */
export interface WorkflowStatus<Output = unknown> {
  readonly state: WorkflowState;
  /** Milliseconds since the epoch. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** Present once the workflow has completed. */
  readonly output?: Output;
  /** Why it failed or was cancelled. */
  readonly error?: WorkflowError;
}

/** The workflow of an actor, for its actions and hooks: `workflowControl(c)`. */
export class WorkflowControl<Output = unknown> {
  readonly #part: WorkflowPart;
  /** The context of who asks. */
  readonly #owner: object;

  constructor(part: WorkflowPart, owner: object) {
    this.#part = part;
    this.#owner = owner;
  }

  /** Begins a workflow that waits for it; false when it had begun. Throws `workflow.invalid_input`. */
  start(input?: unknown): Promise<boolean> {
    return this.#part.start(input);
  }

  async status(): Promise<WorkflowStatus<Output>> {
    const { header } = this.#part;
    const ended =
      header.state === "failed" || header.state === "cancelled" || header.state === "rolling_back";
    if (header.state === "completed") await this.#part.loaded();
    return {
      state: header.state,
      ...(header.startedAt === undefined ? {} : { startedAt: header.startedAt }),
      ...(header.endedAt === undefined ? {} : { endedAt: header.endedAt }),
      ...(header.error === undefined || !ended ? {} : { error: header.error }),
      // What a workflow returns is what its definition says.
      ...(header.state === "completed" ? { output: this.#part.output as Output } : {}),
    };
  }

  /**
   * Waits for the end. Throws `workflow.failed`, `workflow.cancelled`, `workflow.interrupted` when the actor
   * leaves memory first (ask again), and `workflow.waits_for_itself` in a step or a transaction.
   */
  async result(signal: AbortSignal): Promise<Output> {
    const part = this.#part;
    if (!part.terminal) await this.#wait(() => part.whenEnded(signal));
    const { state, error } = part.header;
    if (!part.terminal) {
      const message = "The actor leaves memory before its workflow has ended: ask again";
      throw new HoldfastError("workflow", "interrupted", message, { statusCode: 503 });
    }
    await part.loaded();
    if (state === "completed") return part.output as Output;
    const code = state === "cancelled" ? "cancelled" : "failed";
    throw new HoldfastError("workflow", code, error?.message ?? `The workflow has ${state}`, {
      statusCode: 409,
      metadata: { error },
    });
  }

  /**
   * Ends the workflow for good; false when it had ended, or has failed and undoes its steps, which goes on.
   * Steps that run see their `abortSignal` abort.
   */
  cancel(reason?: string): Promise<boolean> {
    return this.#part.cancel(reason);
  }

  /**
   * Hands a signal to the workflow, which keeps it until it asks for it. Throws `workflow.signals_full`,
   * `workflow.signal_too_large`, `workflow.ended`.
   */
  async signal(name: string, payload?: unknown): Promise<void> {
    this.#assertGoesOn();
    await this.#part.loaded();
    // It may have ended while it was read.
    this.#assertGoesOn();
    this.#part.signals.add(name, payload);
  }

  #assertGoesOn(): void {
    if (!this.#part.terminal) return;
    throw new HoldfastError("workflow", "ended", "The workflow has ended: it takes no signals", {
      statusCode: 409,
    });
  }

  /**
   * Asks a query of the workflow, once it has come as far as it can. Throws `workflow.query_not_found`, and
   * `workflow.waits_for_itself` in a step, and in a transaction while the workflow has something to do.
   */
  async query<Result = unknown>(name: string, ...args: readonly unknown[]): Promise<Result> {
    const part = this.#part;
    if (!part.quiet) await this.#wait(() => part.whenQuiet());
    const handler = part.run?.queries.get(name);
    if (handler === undefined) {
      const message = `The workflow answers no query "${name}"${part.terminal ? ": it has ended" : ""}`;
      throw new HoldfastError("workflow", "query_not_found", message, { statusCode: 404 });
    }
    return (await handler(...(args as never[]))) as Result;
  }

  /** Waits for what the workflow has to do first, and lets it use the actor for itself meanwhile. */
  #wait(wait: () => Promise<void>): Promise<void> {
    const { actor } = this.#part;
    const inTransaction = actor.inTransaction && actor.transactions.openOf(this.#owner) !== undefined;
    if (inTransaction || this.#owner instanceof StepTarget) return Promise.reject(waitsForItself());
    return outsideTransaction(actor, this.#owner, wait);
  }

  /** The history and state, in the shape in which inspectors read it. */
  inspect(): Promise<WorkflowInspection> {
    return inspectWorkflow(this.#part);
  }

  /**
   * Runs a workflow that has ended again, from an entry or from the beginning. Throws
   * `actor.workflow_in_flight`, `workflow.entry_not_found`, `workflow.not_replayable`.
   */
  replay(entryId?: string): Promise<void> {
    return replayWorkflow(this.#part, entryId);
  }
}

/**
 * The workflow of the actor that a context belongs to. What clients may do with it is what the actions
 * of the actor do. Throws `workflow.not_defined`.
 */
export function workflowControl<Output = unknown>(c: object): WorkflowControl<Output> {
  const part = partOf(c);
  if (part === undefined) {
    throw new HoldfastError("workflow", "not_defined", "The `run` of this actor is not a workflow");
  }
  return new WorkflowControl<Output>(part, c);
}

function waitsForItself(): HoldfastError {
  const message = "The workflow goes on when this step or transaction has ended: ask before it, or after it";
  return new HoldfastError("workflow", "waits_for_itself", message, { statusCode: 409 });
}
