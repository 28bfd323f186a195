import { HoldfastError } from "@holdfast/core";
import type { WorkflowDetails, WorkflowInspector } from "../../ports/inspection.ts";
import { inspectWorkflow } from "../workflow/history/inspection.ts";
import type { WorkflowPart } from "../workflow/run/part.ts";
import { replayWorkflow } from "../workflow/run/replay.ts";
import type { InspectionDependencies } from "./dependencies.ts";

/** The inspector's view of a workflow, if the `run` handler is one. */
export class WorkflowView implements WorkflowInspector {
  readonly #actor: InspectionDependencies;

  constructor(actor: InspectionDependencies) {
    this.#actor = actor;
  }

  async history(): Promise<WorkflowDetails> {
    const part = this.#actor.parts.workflow;
    const inspection = await inspectWorkflow(part);
    if (part === undefined) return inspection;
    const { input, output, header } = part;
    return {
      ...inspection,
      ...(input === undefined ? {} : { input }),
      ...(output === undefined ? {} : { output }),
      ...(header.error === undefined ? {} : { error: header.error }),
    };
  }

  async replay(entryId?: string): Promise<void> {
    const part = this.#part();
    // The code of an ended workflow may still have its last lines to run.
    if (part.terminal) await part.whenQuiet();
    await replayWorkflow(part, entryId);
    await this.#actor.queue.gate();
  }

  async cancel(reason?: string): Promise<boolean> {
    const cancelled = await this.#part().cancel(reason);
    await this.#actor.queue.gate();
    return cancelled;
  }

  #part(): WorkflowPart {
    const part = this.#actor.parts.workflow;
    if (part !== undefined) return part;
    const message = `The run handler of "${this.#actor.name}" is not a workflow`;
    throw new HoldfastError("workflow", "not_enabled", message, { statusCode: 404 });
  }
}
