import type { RawAccess } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";
import { accountSchema } from "../accounts/schema.ts";

/** The part of an actor's database that is used here. */
export type InboxDatabase = Pick<RawAccess, "execute" | "query" | "get">;

/** `heard` has the number of the last message of each task, also of deleted ones. */
const heard = "CREATE TABLE heard (task_id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;";

const attention = `
${heard}
CREATE TABLE approval (
  id TEXT NOT NULL,
  task_id TEXT NOT NULL,
  task TEXT NOT NULL,
  view TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (task_id, id)
);
CREATE TABLE person (id TEXT PRIMARY KEY) WITHOUT ROWID;
`;

const inbox = `
${heard}
CREATE TABLE entry (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  task_id TEXT NOT NULL,
  task TEXT NOT NULL,
  text TEXT NOT NULL,
  approval_id TEXT,
  cause TEXT NOT NULL,
  is_working INTEGER NOT NULL DEFAULT 0,
  is_unread INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  bumped_at INTEGER NOT NULL,
  notified_at INTEGER NOT NULL,
  done_at INTEGER,
  snoozed_until INTEGER
);
CREATE INDEX entry_order ON entry (bumped_at, id);
CREATE INDEX entry_task ON entry (task_id);
CREATE INDEX entry_snoozed ON entry (snoozed_until) WHERE snoozed_until IS NOT NULL;
`;

/** What an entry is about, if that is an item of a forge and no task. */
const itemColumn = "ALTER TABLE entry ADD COLUMN item TEXT";

export const migrateAttentionTables = migrations({
  migrations: [
    { version: 1, sql: attention },
    { version: 2, sql: accountSchema },
  ],
});
export const migrateInboxTables = migrations({
  migrations: [
    { version: 1, sql: inbox },
    { version: 2, sql: itemColumn },
  ],
});

/** Notes a message of a task. False for one that was taken before. */
export async function isNews(db: InboxDatabase, taskId: string, seq: number): Promise<boolean> {
  const noted = await db.execute(
    `INSERT INTO heard (task_id, seq) VALUES (?, ?)
     ON CONFLICT DO UPDATE SET seq = excluded.seq WHERE seq < excluded.seq RETURNING seq`,
    taskId,
    seq,
  );
  return noted.length > 0;
}
