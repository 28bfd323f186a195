import type { MemoryStatements } from "@holdfast/plugins/memory";
import type { EarlierRows } from "./earlier-rows.ts";

/** A row of a memory: an entry with the columns of its table, or what a session has used of its limits. */
export type EarlierMemory =
  | { readonly entry: Readonly<Record<string, string | number | null>> }
  | { readonly use: { readonly session: string; readonly kind: string; readonly count: number } };

/** The columns of an entry, but for its number, which is another one in each database. */
export const memoryColumns: readonly string[] = [
  ...["id", "type", "content", "tags", "session_id", "tainted", "quarantined", "chain"],
  ...["supersedes", "superseded_by", "superseded_at", "created_at"],
];

const insertEntry = `INSERT OR IGNORE INTO entries (${memoryColumns.join(", ")})
  VALUES (${memoryColumns.map(() => "?").join(", ")})`;

/** As `takeOnce`, in the database of a memory, whose transaction this is. */
export async function takeMemories(
  tx: MemoryStatements,
  { source, after, rows }: EarlierRows<EarlierMemory>,
): Promise<number> {
  await tx.execute(
    "CREATE TABLE IF NOT EXISTS earlier (source TEXT PRIMARY KEY, taken INTEGER NOT NULL) STRICT",
  );
  const [known] = await tx.execute("SELECT taken FROM earlier WHERE source = ?", source);
  const taken = Number(known?.["taken"] ?? 0);
  const last = rows.at(-1);
  if (after !== taken || last === undefined) return taken;
  for (const { row } of rows) await take(tx, row);
  await tx.execute("INSERT OR REPLACE INTO earlier (source, taken) VALUES (?, ?)", source, last.position);
  return last.position;
}

async function take(tx: MemoryStatements, row: EarlierMemory): Promise<void> {
  if ("entry" in row) {
    await tx.execute(insertEntry, ...memoryColumns.map((name) => row.entry[name] ?? null));
    return;
  }
  const { session, kind, count } = row.use;
  await tx.execute(
    `INSERT INTO uses (session_id, kind, count) VALUES (?, ?, ?)
     ON CONFLICT DO UPDATE SET count = max(count, excluded.count)`,
    ...[session, kind, count],
  );
}
