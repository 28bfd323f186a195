import { describeError } from "../history/record.ts";
import { Fiber, type Rollback, type WorkflowRun } from "../run/run.ts";
import { StepScope } from "./step-context.ts";

/**
 * Rolls back completed steps, the last one first. Each rollback is recorded, so that after an interruption the next
 * one continues. A step that still runs, in a branch that has lost, is awaited and rolled back as well. Returns false
 * if a rollback failed: earlier steps are left as they are.
 */
export async function runRollbacks(run: WorkflowRun): Promise<boolean> {
  const fiber = new Fiber(run, undefined);
  run.onStop(() => fiber.cancel());
  try {
    while (!run.evicted) {
      const next = lastDue(run);
      if (next === undefined && run.undoable === 0) return true;
      if (next === undefined) await stepEnded(run);
      else if (!(await undo(run, fiber, next))) return false;
    }
    return false;
  } finally {
    fiber.end();
  }
}

/** The last completed step that has not been rolled back. */
function lastDue(run: WorkflowRun): Rollback | undefined {
  let last: Rollback | undefined;
  for (const rollback of run.rollbacks) {
    const { rollbackCompletedAt, completion = 0 } = rollback.entry;
    if (rollbackCompletedAt === undefined && completion >= (last?.entry.completion ?? 0)) last = rollback;
  }
  return last;
}

/** Resolves when a step has ended, or the run is stopped. Keeps the actor awake. */
function stepEnded(run: WorkflowRun): Promise<void> {
  return new Promise((resolve) => {
    const ended = (): void => {
      run.stepFreed.delete(ended);
      resolve();
    };
    run.stepFreed.add(ended);
    run.onStop(ended);
  });
}

async function undo(run: WorkflowRun, fiber: Fiber, { entry, output, undo }: Rollback): Promise<boolean> {
  const step = new StepScope(run, fiber, entry, 1, "outside");
  try {
    await run.actor.transactionLock.pass();
    await run.actor.turn.enter(() => undo(step.context as never, output as never));
    await run.outsideTransaction();
    if (run.evicted) return false;
    entry.rollbackCompletedAt = run.now();
    entry.rollbackError = undefined;
  } catch (error) {
    await run.outsideTransaction();
    if (run.evicted) return false;
    const description = describeError(error);
    entry.rollbackError = description.message;
    run.owner.report({ rollback: { workflowId: run.actor.id, stepName: entry.name, error: description } });
  } finally {
    step.close();
  }
  run.history.save(entry);
  await run.durable();
  return entry.rollbackCompletedAt !== undefined;
}
