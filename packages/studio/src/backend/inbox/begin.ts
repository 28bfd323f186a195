import { ensureRunner, type RunnerHost } from "../task-runner.ts";
import type { TaskContext, TaskSteps } from "../task-steps.ts";

/** Starts the work on a new task, and tells whom its first prompt mentions. */
export async function beginTask(
  host: RunnerHost,
  c: TaskContext,
  steps: Pick<TaskSteps, "mentionedIn" | "tellMentioned">,
): Promise<void> {
  const { startedBy } = c.state;
  const [[person], [first]] = [c.state.people ?? [], c.state.prompts];
  if (person !== undefined && first !== undefined && c.state.hasBegun !== true) {
    const mentioned = await steps.mentionedIn(c, first.text);
    c.state.hasBegun = true;
    steps.tellMentioned(c, mentioned, first.text, { person, ...(startedBy && { startedBy }) });
  }
  await ensureRunner(host, c);
}
