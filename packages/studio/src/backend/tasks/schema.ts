/** The organization's list of tasks: rows, filters, search, marks of what was read, deletion. */
import type { RawAccess } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";

/** The part of an actor's database that the list uses. */
export type TaskDatabase = Pick<RawAccess, "execute" | "query" | "get">;

/**
 * `task` has a row for each task; `summary` is the task's own report as JSON, and the columns beside it are what
 * filters and orders. `text` has what can be found, in pieces, and `text_index` is its index.
 */
const first = `
CREATE TABLE task (
  id TEXT PRIMARY KEY,
  repository TEXT NOT NULL,
  agent TEXT NOT NULL,
  status TEXT NOT NULL,
  status_order INTEGER NOT NULL,
  attention_at INTEGER NOT NULL,
  archived_at INTEGER,
  deleted_at INTEGER,
  active INTEGER NOT NULL,
  wake INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  text_seq INTEGER NOT NULL DEFAULT 0,
  text_bytes INTEGER NOT NULL DEFAULT 0,
  summary TEXT NOT NULL,
  input TEXT
);
CREATE INDEX task_active ON task (id) WHERE active = 1;
CREATE INDEX task_filter ON task (archived_at, deleted_at, repository, agent, status, attention_at, id);
CREATE TABLE seen (
  person TEXT NOT NULL,
  task_id TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (person, task_id)
) WITHOUT ROWID;
CREATE INDEX seen_task ON seen (task_id);
CREATE TABLE text (id INTEGER PRIMARY KEY, task_id TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL);
CREATE INDEX text_task ON text (task_id, kind);
CREATE VIRTUAL TABLE text_index USING fts5 (
  body, content = 'text', content_rowid = 'id', tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);
CREATE TRIGGER text_insert AFTER INSERT ON text BEGIN
  INSERT INTO text_index (rowid, body) VALUES (new.id, new.body);
END;
CREATE TRIGGER text_delete AFTER DELETE ON text BEGIN
  INSERT INTO text_index (text_index, rowid, body) VALUES ('delete', old.id, old.body);
END;
`;

/** Up to where the log of a session beside the first one of its task can be found. */
const second = `
CREATE TABLE session_text (
  session_id TEXT PRIMARY KEY,
  task_id TEXT NOT NULL,
  seq INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_text_task ON session_text (task_id);
`;

/** Whose tasks are; empty for those that nobody owns. */
const third = `
ALTER TABLE task ADD COLUMN owner TEXT NOT NULL DEFAULT '';
UPDATE task SET owner = coalesce(json_extract(summary, '$.startedBy.id'), '');
CREATE INDEX task_owner ON task (owner, archived_at, deleted_at, id);
`;

/** The label by which a task is grouped; empty for those that have none. */
const fourth = `
ALTER TABLE task ADD COLUMN label TEXT NOT NULL DEFAULT '';
CREATE INDEX task_label ON task (label, archived_at, deleted_at, id);
`;

/** The published versions, in order. One that was published is never changed. */
export const taskTableVersions = [
  { version: 1, sql: first },
  { version: 2, sql: second },
  { version: 3, sql: third },
  { version: 4, sql: fourth },
] as const;

export const migrateTaskTables = migrations({ migrations: [...taskTableVersions] });
