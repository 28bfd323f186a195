import type { TaskSummary } from "../../contract.ts";
import { insertRow, type TaskRow } from "./rows.ts";
import type { TaskDatabase } from "./schema.ts";
import { addFirstText } from "./text.ts";

/** The part of an actor's key-value store in which earlier versions had the list. */
export interface EarlierStore {
  list(prefix: string): Promise<[key: string, value: string][]>;
  deleteRange(start: string, end: string): Promise<void>;
}

/** Moves the list of an earlier version into the tables. Resolves with the bytes of its text. Idempotent. */
export async function moveEarlierRows(db: TaskDatabase, kv: EarlierStore): Promise<number> {
  const rows = await kv.list("task/");
  let bytes = 0;
  for (const [, value] of rows) {
    const row = JSON.parse(value) as TaskRow;
    const { id, title }: TaskSummary = row.summary;
    if (!(await insertRow(db, row))) continue;
    bytes += await addFirstText(db, id, [{ kind: "title", body: title }]);
  }
  if (rows.length > 0) {
    await kv.deleteRange("task/", "task0");
    await kv.deleteRange("active/", "active0");
  }
  return bytes;
}
