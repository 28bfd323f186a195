import type { TaskSummary } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import { initialSummary } from "../new-task.ts";
import type { TaskInput } from "../task-state.ts";
import { insertRow } from "./rows.ts";
import type { TaskDatabase } from "./schema.ts";
import { addFirstText, addText, dropOldestTexts, piecesOf, type TextPush } from "./text.ts";

/** The part of the organization's context that is used here. */
export interface AddContext {
  readonly db: TaskDatabase;
  readonly state: {
    tasks: number;
    textBytes?: number;
  };
  readonly broadcast: (name: "taskChanged", summary: TaskSummary) => void;
}

/** Adds a new task to the list, unless it is there. Its title and its prompt can be found at once. */
export async function addTask(c: AddContext, input: TaskInput): Promise<void> {
  const summary = initialSummary(input);
  if (!(await insertRow(c.db, { summary, revision: 0, wake: 0, active: true, input }))) return;
  c.state.tasks += 1;
  const pieces = [{ kind: "title", body: input.title } as const, ...piecesOf("prompt", input.prompt)];
  await growText(c, input.taskId, await addFirstText(c.db, input.taskId, pieces));
  c.broadcast("taskChanged", { ...summary, attentionAt: 0 });
}

/** Adds text of a task's transcript. Returns the number of the last event whose text is known. */
export async function addTaskText(c: AddContext, push: TextPush): Promise<number> {
  const { seq, grown } = await addText(c.db, push);
  if (grown !== 0) await growText(c, push.taskId, grown);
  return seq;
}

async function growText(c: AddContext, taskId: string, bytes: number): Promise<void> {
  c.state.textBytes = (c.state.textBytes ?? 0) + bytes;
  const surplus = c.state.textBytes - studioLimits.maxSearchTextBytes;
  if (surplus > 0) c.state.textBytes -= await dropOldestTexts(c.db, surplus, taskId);
}
