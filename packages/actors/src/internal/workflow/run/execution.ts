import { messageOf, validate } from "@holdfast/core";
import { recorded } from "../history/history.ts";
import { WorkflowScopeContext } from "./context.ts";
import type { Fiber, WorkflowRun } from "./run.ts";
import { Scope } from "./scope.ts";

/** How the code of a run ended. */
export type Outcome =
  | { readonly type: "completed"; readonly output: unknown }
  | { readonly type: "failed"; readonly error: unknown }
  | { readonly type: "evicted" };

/** Runs the function of a workflow once, from the beginning, over its history. */
export async function execute(run: WorkflowRun, root: Fiber): Promise<Outcome> {
  const { program, input } = run.owner;
  const scope = new Scope(run, root, run.history.root);
  try {
    const ctx = new WorkflowScopeContext(scope);
    run.guard.enter();
    let running: unknown;
    try {
      running = run.actor.turn.enter(() => program.run(ctx as never, input as never));
    } finally {
      run.guard.leave();
    }
    const output = await Promise.race([running, run.refusalLimit.abandoned]);
    if (run.fault !== undefined) throw run.fault;
    if (run.evicted) return { type: "evicted" };
    if (!run.collecting) scope.finish();
    return { type: "completed", output: await checkedOutput(run, output) };
  } catch (error) {
    scope.abandon();
    return { type: "failed", error: run.fault ?? error };
  }
}

/** The output may not be needed: one that cannot be recorded is dropped. */
function recordableOutput(run: WorkflowRun, output: unknown): unknown {
  try {
    return recorded(output);
  } catch (error) {
    if (run.owner.program.manual) throw error;
    run.actor.log.warn("workflow output cannot be recorded", { error: messageOf(error) });
    return undefined;
  }
}

async function checkedOutput(run: WorkflowRun, output: unknown): Promise<unknown> {
  const schema = run.owner.program.output;
  const plain = run.actor.state.unwrap(output);
  if (schema === undefined) return recordableOutput(run, plain);
  const refusal = { group: "workflow", code: "invalid_output", what: "The output" };
  return recorded(await validate(schema, plain, refusal));
}
