import type { TaskSummary } from "../contract.ts";
import type { TaskInput } from "./task-state.ts";

/** One row of the index. `input` is dropped once the task has been created. */
export interface TaskRow {
  readonly summary: TaskSummary;
  readonly revision: number;
  /** Incremented each time the task becomes active. Only a change with the current count can make it inactive. */
  readonly wake: number;
  readonly active: boolean;
  readonly input?: TaskInput;
}

/** A status report from a task to the index. */
export interface TaskChange {
  readonly summary: TaskSummary;
  readonly revision: number;
  readonly wake: number;
  readonly active: boolean;
}

/** The part of an actor's key-value store that the index uses. */
export interface IndexStore {
  get(key: string): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  list(prefix: string): Promise<[key: string, value: string][]>;
  listRange(
    start: string,
    end: string,
    options: { readonly reverse: true; readonly limit: number },
  ): Promise<[key: string, value: string][]>;
}

const maxPage = 200;

/** A page of the index, newest first. */
export async function listRows(
  kv: IndexStore,
  query: { readonly limit?: number; readonly cursor?: string } | undefined,
): Promise<{ readonly tasks: readonly TaskSummary[]; readonly cursor?: string }> {
  const limit = Math.max(1, Math.min(maxPage, Math.floor(Number(query?.limit ?? 50)) || 50));
  const end = typeof query?.cursor === "string" ? rowKey(query.cursor) : "task0";
  const rows = await kv.listRange("task/", end, { reverse: true, limit: limit + 1 });
  const tasks = rows.slice(0, limit).map(([, value]) => (JSON.parse(value) as TaskRow).summary);
  const last = tasks.at(-1);
  return { tasks, ...(rows.length > limit && last !== undefined ? { cursor: last.id } : {}) };
}

export async function readRow(kv: IndexStore, taskId: string): Promise<TaskRow | undefined> {
  const value = await kv.get(rowKey(taskId));
  return value === null ? undefined : (JSON.parse(value) as TaskRow);
}

/** Writes the row, plus a key per active task so that recovery reads only active ones. */
export async function writeRow(kv: IndexStore, row: TaskRow): Promise<void> {
  const { id } = row.summary;
  const active = row.active ? kv.put(`active/${id}`, "1") : kv.delete(`active/${id}`);
  await Promise.all([kv.put(rowKey(id), JSON.stringify(row)), active]);
}

export async function activeRows(kv: IndexStore): Promise<TaskRow[]> {
  const rows: TaskRow[] = [];
  for (const [key] of await kv.list("active/")) {
    const row = await readRow(kv, key.slice("active/".length));
    if (row !== undefined) rows.push(row);
  }
  return rows;
}

function rowKey(taskId: string): string {
  return `task/${taskId}`;
}
