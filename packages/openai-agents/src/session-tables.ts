import type { RawAccess } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";
import { migrateLargeCalls } from "@holdfast/adapter-kit";
import { HoldfastError } from "@holdfast/core";
import { sessionLimits } from "./limits.ts";

const migrateTables = migrations({
  tableName: "openai_session_migrations",
  migrations: [
    {
      version: 1,
      sql: `
        CREATE TABLE history_item (position INTEGER PRIMARY KEY, item TEXT NOT NULL) STRICT;
        CREATE TABLE history_operation (
          position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, operation TEXT NOT NULL
        ) STRICT;
        CREATE TABLE paused_run (name TEXT PRIMARY KEY, state TEXT NOT NULL, saved_at INTEGER NOT NULL) STRICT;`,
    },
  ],
});

/** Makes the tables of a session. */
export async function migrateSession(db: RawAccess): Promise<void> {
  await migrateLargeCalls(db);
  await migrateTables(db);
}

/** Items as texts of canonical JSON, so that equal items are equal texts. */
export type ItemTexts = readonly string[];

/** A change of the history that takes effect once, however often it is sent. */
export interface HistoryOperation {
  readonly id: string;
  /** The last items as they must be; null to append. */
  readonly expected: ItemTexts | null;
  readonly items: ItemTexts;
}

/** Replaces the calls of a function with one. */
export interface CallReplacement {
  readonly callId: string;
  readonly item: string;
}

/** The last items, or all of them, oldest first. */
export function readItems(db: RawAccess, limit: number | null): ItemTexts {
  const rows = db.query<{ item: string }>(
    "SELECT item FROM history_item ORDER BY position DESC LIMIT ?",
    limit ?? -1,
  );
  return rows.map(({ item }) => item).reverse();
}

export async function addItems(tx: RawAccess, items: ItemTexts): Promise<void> {
  for (const item of items) await tx.execute("INSERT INTO history_item (item) VALUES (?)", item);
}

/** Removes and returns the last item. */
export async function popItem(tx: RawAccess): Promise<string | null> {
  const [row] = await tx.execute<{ item: string }>(
    "DELETE FROM history_item WHERE position = (SELECT max(position) FROM history_item) RETURNING item",
  );
  return row?.item ?? null;
}

/** Removes the items, and what is remembered of changes. Paused runs stay. */
export async function clearItems(tx: RawAccess): Promise<void> {
  await tx.execute("DELETE FROM history_item");
  await tx.execute("DELETE FROM history_operation");
}

/** Throws `openai-agents.operation_differs`, `openai-agents.history_changed`. */
export async function applyOperation(tx: RawAccess, operation: HistoryOperation): Promise<void> {
  const { id, expected, items } = operation;
  const text = JSON.stringify([expected, items]);
  const known = tx.get<{ operation: string }>("SELECT operation FROM history_operation WHERE id = ?", id);
  if (known !== undefined) {
    if (known.operation === text) return;
    throw refused(
      "operation_differs",
      `The operation "${id}" was another change of the history. Use a new id`,
    );
  }
  if (expected !== null) await removeSuffix(tx, expected);
  await addItems(tx, items);
  await tx.execute("INSERT INTO history_operation (id, operation) VALUES (?, ?)", id, text);
  await tx.execute(
    "DELETE FROM history_operation WHERE position <= (SELECT max(position) FROM history_operation) - ?",
    sessionLimits.maxOperations,
  );
}

async function removeSuffix(tx: RawAccess, expected: ItemTexts): Promise<void> {
  const last = readItems(tx, expected.length);
  if (last.length !== expected.length || last.some((item, at) => item !== expected[at])) {
    const message = "The last items of the history are not those that were to be replaced. Read them again";
    throw refused("history_changed", message);
  }
  for (const _ of expected) await popItem(tx);
}

/** The first call of each function call id gets the replacement; further ones are removed. */
export async function replaceCalls(tx: RawAccess, replacements: readonly CallReplacement[]): Promise<void> {
  for (const { callId, item } of replacements) {
    const rows = tx.query<{ position: number }>(
      `SELECT position FROM history_item WHERE item ->> '$.type' = 'function_call' AND item ->> '$.callId' = ?
       ORDER BY position`,
      callId,
    );
    for (const [at, { position }] of rows.entries()) {
      if (at > 0) await tx.execute("DELETE FROM history_item WHERE position = ?", position);
      else await tx.execute("UPDATE history_item SET item = ? WHERE position = ?", item, position);
    }
  }
}

export async function saveRun(
  tx: RawAccess,
  run: { readonly name: string; readonly state: string },
): Promise<void> {
  await tx.execute(
    "INSERT OR REPLACE INTO paused_run (name, state, saved_at) VALUES (?, ?, ?)",
    ...[run.name, run.state, Date.now()],
  );
}

export function loadRun(db: RawAccess, name: string): string | null {
  return db.get<{ state: string }>("SELECT state FROM paused_run WHERE name = ?", name)?.state ?? null;
}

export async function removeRun(tx: RawAccess, name: string): Promise<void> {
  await tx.execute("DELETE FROM paused_run WHERE name = ?", name);
}

function refused(code: "operation_differs" | "history_changed", message: string): HoldfastError {
  return new HoldfastError("openai-agents", code, message, { statusCode: 409 });
}
