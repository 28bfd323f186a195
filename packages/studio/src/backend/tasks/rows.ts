import { HoldfastError } from "@holdfast/core";
import type { TaskSummary } from "../../contract.ts";
import { groupLabelOf } from "../../labels/group-label.ts";
import { hasAgent, statusOrder } from "../../task-status.ts";
import type { TaskInput } from "../task-state.ts";
import type { TaskDatabase } from "./schema.ts";

/** One row of the list. `input` is dropped once the task has been created. */
export interface TaskRow {
  readonly summary: TaskSummary;
  readonly revision: number;
  /** Incremented each time the task becomes active. Only a change with the current count can make it inactive. */
  readonly wake: number;
  readonly active: boolean;
  readonly input?: TaskInput;
}

/** A status report from a task to the list. */
export interface TaskChange {
  readonly summary: TaskSummary;
  readonly revision: number;
  readonly wake: number;
  readonly active: boolean;
  /** When a session of it last needed a person. Absent if none ever did. */
  readonly attentionAt?: number;
}

interface StoredRow {
  readonly summary: string;
  readonly attention_at: number;
  readonly archived_at: number | null;
  readonly deleted_at: number | null;
  readonly revision: number;
  readonly wake: number;
  readonly active: number;
  readonly input: string | null;
}

const columns = "summary, attention_at, archived_at, deleted_at, revision, wake, active, input";

/** A row with what only the list knows about the task. */
export interface ListedRow extends TaskRow {
  readonly isDeleting: boolean;
}

export function readRow(db: TaskDatabase, taskId: string): ListedRow | undefined {
  const row = db.get<StoredRow>(`SELECT ${columns} FROM task WHERE id = ?`, taskId);
  return row === undefined ? undefined : toRow(row);
}

/** Titles of the tasks that are in the list, by their ids. */
export function titlesOf(db: TaskDatabase, ids: readonly string[]): Readonly<Record<string, string>> {
  const marks = ids.map(() => "?").join(", ");
  const rows = db.query<{ id: string; title: string }>(
    `SELECT id, summary ->> 'title' AS title FROM task WHERE id IN (${marks}) AND deleted_at IS NULL`,
    ...ids,
  );
  return Object.fromEntries(rows.map(({ id, title }) => [id, title]));
}

/** The tasks that the next start of the server resumes, and those whose deletion it completes. */
export function activeRows(db: TaskDatabase): ListedRow[] {
  return db.query<StoredRow>(`SELECT ${columns} FROM task WHERE active = 1 ORDER BY id`).map(toRow);
}

export function countActive(db: TaskDatabase): number {
  return db.get<{ count: number }>("SELECT count(*) AS count FROM task WHERE active = 1")?.count ?? 0;
}

function toRow(row: StoredRow): ListedRow {
  return {
    summary: toSummary(row),
    revision: row.revision,
    wake: row.wake,
    active: row.active === 1,
    isDeleting: row.deleted_at !== null,
    ...(row.input === null ? {} : { input: JSON.parse(row.input) as TaskInput }),
  };
}

/** The task's own report, with what only the list knows. */
export function toSummary({
  summary,
  attention_at,
  archived_at,
}: Pick<StoredRow, "summary" | "attention_at" | "archived_at">): TaskSummary {
  const reported = JSON.parse(summary) as TaskSummary;
  return {
    ...(reported.startedBy === undefined ? {} : { owner: reported.startedBy }),
    ...reported,
    attentionAt: attention_at,
    ...(archived_at === null ? {} : { archivedAt: archived_at }),
  };
}

/** Adds the row of a new task. Returns false if there is one already. */
export async function insertRow(db: TaskDatabase, row: TaskRow): Promise<boolean> {
  const { summary, input } = row;
  const added = await db.execute(
    `INSERT INTO task (id, repository, agent, status, status_order, attention_at, active, wake, revision, owner, label,
       summary, input)
     VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id`,
    ...[summary.id, summary.repository, summary.agent, summary.status, statusOrder(summary.status)],
    ...[row.active ? 1 : 0, row.wake, row.revision, ownerIdOf(summary), groupLabelOf(summary)],
    JSON.stringify(summary),
    input === undefined ? null : JSON.stringify(input),
  );
  return added.length > 0;
}

/** Takes a report into the row. Returns the new summary; undefined for a report that is not news. */
export async function updateRow(db: TaskDatabase, change: TaskChange): Promise<TaskSummary | undefined> {
  const { summary, revision, wake } = change;
  const before = readRow(db, summary.id);
  if (before === undefined || revision <= before.revision) return undefined;
  const active = change.active || before.wake !== wake;
  // One session may need a person while the task as a whole still works.
  const attentionAt = needsPerson(before.summary, summary)
    ? summary.updatedAt
    : Math.max(before.summary.attentionAt ?? 0, change.attentionAt ?? 0);
  // A report that came during an await has a higher revision, and stays.
  const [row] = await db.execute<StoredRow>(
    `UPDATE task SET status = ?, status_order = ?, attention_at = ?, active = ?, revision = ?, owner = ?, label = ?,
       summary = ?, input = NULL
     WHERE id = ? AND revision < ? RETURNING ${columns}`,
    ...[summary.status, statusOrder(summary.status), attentionAt, active ? 1 : 0, revision],
    ...[ownerIdOf(summary), groupLabelOf(summary), JSON.stringify(summary), summary.id, revision],
  );
  return row === undefined || row.deleted_at !== null ? undefined : toSummary(row);
}

/** Rows of earlier versions have no owner, and belong to whoever started them. */
function ownerIdOf({ owner, startedBy }: TaskSummary): string {
  return (owner ?? startedBy)?.id ?? "";
}

/** True if the change is one that a person waits for. What they did themselves, a stop for example, is none. */
function needsPerson(before: TaskSummary, after: TaskSummary): boolean {
  if ((after.openApprovals ?? 0) > (before.openApprovals ?? 0)) return true;
  if (after.status === before.status) return false;
  return after.status === "idle" || after.status === "failed" || after.status === "waiting";
}

/**
 * Marks a task active and returns its new wake count. Only a task that presents this count can become inactive. An
 * archived task is restored. Throws `task.not_found`.
 */
export async function wakeRow(db: TaskDatabase, taskId: string): Promise<number> {
  const [row] = await db.execute<{ wake: number }>(
    `UPDATE task SET wake = wake + 1, active = 1, archived_at = NULL
     WHERE id = ? AND deleted_at IS NULL RETURNING wake`,
    taskId,
  );
  if (row === undefined) throw taskNotFound();
  return row.wake;
}

/** Archives or restores a task. Throws `task.not_found`, `task.busy`. */
export async function archiveRow(db: TaskDatabase, taskId: string, at: number | null): Promise<TaskSummary> {
  const row = requireListed(db, taskId);
  if (at !== null) requireQuiet(row);
  await db.execute("UPDATE task SET archived_at = ? WHERE id = ?", at, taskId);
  const { archivedAt: _, ...summary } = row.summary;
  return at === null ? summary : { ...summary, archivedAt: at };
}

/** The row of a task that is in the list. Throws `task.not_found`. */
export function requireListed(db: TaskDatabase, taskId: string): ListedRow {
  const row = readRow(db, taskId);
  if (row === undefined || row.isDeleting) throw taskNotFound();
  return row;
}

/** Throws `task.busy` unless the task is at rest. */
export function requireQuiet({ summary, active }: TaskRow): void {
  if (!active && !hasAgent(summary)) return;
  const message = "An agent still works on this task. Stop it first.";
  throw new HoldfastError("task", "busy", message, { statusCode: 409 });
}

function taskNotFound(): HoldfastError {
  return new HoldfastError("task", "not_found", "There is no such task", { statusCode: 404 });
}
