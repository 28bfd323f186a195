import { describeError } from "./record.ts";
import { Fiber, type Rollback, type WorkflowRun } from "./run.ts";
import { StepScope } from "./step-context.ts";

/**
 * Undoes completed steps, the last one first. Each is recorded, so that a rollback that is cut off goes
 * on with the next. Returns false when one of them failed: those before it are left as they are.
 */
export async function runRollbacks(run: WorkflowRun): Promise<boolean> {
  const due = run.rollbacks
    .filter(({ entry }) => entry.rollbackCompletedAt === undefined)
    .sort((a, b) => (b.entry.completion ?? 0) - (a.entry.completion ?? 0));
  const fiber = new Fiber(run, undefined);
  run.onStop(() => fiber.cancel());
  try {
    for (const rollback of due) {
      if (run.evicted) return false;
      if (!(await undo(run, fiber, rollback))) return false;
    }
    return true;
  } finally {
    fiber.end();
  }
}

async function undo(run: WorkflowRun, fiber: Fiber, { entry, output, undo }: Rollback): Promise<boolean> {
  const step = new StepScope(run, fiber, entry, 1, "outside");
  try {
    await run.runtime.turnstile.pass();
    await run.runtime.enter(() => undo(step.context as never, output as never));
    await run.outside();
    if (run.evicted) return false;
    entry.rollbackCompletedAt = run.now();
    entry.rollbackError = undefined;
  } catch (error) {
    await run.outside();
    if (run.evicted) return false;
    const shown = describeError(error);
    entry.rollbackError = shown.message;
    run.owner.report({ rollback: { workflowId: run.runtime.id, stepName: entry.name, error: shown } });
  } finally {
    step.close();
  }
  run.history.save(entry);
  await run.durable();
  return entry.rollbackCompletedAt !== undefined;
}
