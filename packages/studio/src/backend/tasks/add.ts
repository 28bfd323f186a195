import type { RawAccess } from "@holdfast/actors";
import type { TaskSummary } from "../../contract.ts";
import { areSameLabels } from "../../labels/labels.ts";
import { studioLimits } from "../../limits.ts";
import { initialSummary } from "../new-task.ts";
import type { TaskInput } from "../task-state.ts";
import { insertRow, readRow, type TaskChange, updateRow } from "./rows.ts";
import type { TaskDatabase } from "./schema.ts";
import {
  addFirstText,
  addText,
  dropOldestTexts,
  piecesOf,
  replaceLabels,
  type TextPiece,
  type TextPush,
} from "./text.ts";

/** The part of the organization's context that is used here. */
export interface AddContext {
  readonly db: TaskDatabase;
  readonly state: {
    tasks: number;
    textBytes?: number;
  };
  readonly broadcast: (name: "taskChanged", summary: TaskSummary) => void;
}

interface ChangeContext extends AddContext {
  readonly db: TaskDatabase & Pick<RawAccess, "transaction">;
}

/** Adds a new task to the list, unless it is there. Its title and its prompt can be found at once. */
export async function addTask(c: AddContext, input: TaskInput): Promise<void> {
  const summary = initialSummary(input);
  if (!(await insertRow(c.db, { summary, revision: 0, wake: 0, active: true, input }))) return;
  c.state.tasks += 1;
  const pieces = [...firstPieces(summary), ...piecesOf("prompt", input.prompt)];
  await growText(c, input.taskId, await addFirstText(c.db, input.taskId, pieces));
  c.broadcast("taskChanged", { ...summary, attentionAt: 0 });
}

/** What can be found of a task besides what was said. */
export function firstPieces({ title, labels = [] }: TaskSummary): readonly TextPiece[] {
  return [{ kind: "title", body: title }, ...labels.map((body) => ({ kind: "label", body }) as const)];
}

/** Takes a report into the list. Returns the new summary; undefined for a report that is not news. */
export async function changeTask(c: ChangeContext, change: TaskChange): Promise<TaskSummary | undefined> {
  const { id, labels } = change.summary;
  if (areSameLabels(readRow(c.db, id)?.summary.labels, labels)) return updateRow(c.db, change);
  return c.db.transaction(async (tx) => {
    const before = readRow(tx, id);
    if (before === undefined || change.revision <= before.revision) return undefined;
    // First, so that whoever sees the labels finds the task by them.
    await growText({ state: c.state, db: tx }, id, await replaceLabels(tx, id, labels));
    return updateRow(tx, change);
  });
}

/** Adds text of a task's transcript. Returns the number of the last event whose text is known. */
export async function addTaskText(c: AddContext, push: TextPush): Promise<number> {
  const { seq, grown } = await addText(c.db, push);
  if (grown !== 0) await growText(c, push.taskId, grown);
  return seq;
}

async function growText(c: Pick<AddContext, "db" | "state">, taskId: string, bytes: number): Promise<void> {
  c.state.textBytes = (c.state.textBytes ?? 0) + bytes;
  const surplus = c.state.textBytes - studioLimits.maxSearchTextBytes;
  if (surplus > 0) c.state.textBytes -= await dropOldestTexts(c.db, surplus, taskId);
}
