/** What a chat keeps: turns, approvals and facts, in the actor's database. */
import type { RawAccess } from "@holdfast/actors";

/** As much of `c.db` as the store of an agent uses. */
export type AgentDatabase = Pick<RawAccess, "execute" | "query" | "get">;

const tables = `
CREATE TABLE IF NOT EXISTS agent_turns (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL,
  user_message_id TEXT NOT NULL UNIQUE,
  user_message TEXT NOT NULL,
  message_id TEXT NOT NULL UNIQUE,
  message TEXT,
  stop_reason TEXT,
  error TEXT,
  first_event INTEGER,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  settled_at INTEGER
);
CREATE INDEX IF NOT EXISTS agent_turns_open ON agent_turns (status) WHERE settled_at IS NULL;
CREATE TABLE IF NOT EXISTS agent_approvals (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  turn TEXT NOT NULL,
  state TEXT NOT NULL,
  approval TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS agent_approvals_pending ON agent_approvals (state) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS agent_facts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  text TEXT NOT NULL,
  created_at INTEGER NOT NULL
);
CREATE VIRTUAL TABLE IF NOT EXISTS agent_facts_index USING fts5 (text, content = 'agent_facts', content_rowid = 'id');
`;

/** Makes the tables of an agent: turns with their messages, approvals, facts. Version 1 of them. */
export async function migrateAgent(database: Pick<RawAccess, "execute">): Promise<void> {
  await database.execute(tables);
}
