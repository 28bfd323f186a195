import type { TaskDatabase } from "./schema.ts";

/** A mark of a person: they have seen the task up to this `attentionAt`. A task that they want to see again has -1. */
const unreadAt = -1;

/** Marks tasks as read or unread for a person. Returns the marks that changed, by the id of the task. */
export async function markTasks(
  db: TaskDatabase,
  person: string,
  taskIds: readonly string[],
  as: "read" | "unread",
): Promise<Readonly<Record<string, number>>> {
  const seen: Record<string, number> = {};
  for (const taskId of taskIds) {
    const [row] = await db.execute<{ at: number }>(
      `INSERT INTO seen (person, task_id, at)
       SELECT ?, id, ${as === "read" ? "attention_at" : unreadAt} FROM task WHERE id = ? AND deleted_at IS NULL
       ON CONFLICT DO UPDATE SET at = excluded.at WHERE at <> excluded.at RETURNING at`,
      ...[person, taskId],
    );
    if (row !== undefined) seen[taskId] = row.at;
  }
  return seen;
}
