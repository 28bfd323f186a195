/** The tables of an SQLite database that keeps sessions; making them again changes nothing. */
export const sessionTables = `
  CREATE TABLE IF NOT EXISTS sandbox_sessions (
    id TEXT PRIMARY KEY, created_at INTEGER NOT NULL, record TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS sandbox_sessions_by_time ON sandbox_sessions (created_at, id);
  CREATE TABLE IF NOT EXISTS sandbox_events (
    session_id TEXT NOT NULL, event_index INTEGER NOT NULL, record TEXT NOT NULL,
    PRIMARY KEY (session_id, event_index)
  ) STRICT, WITHOUT ROWID;
`;
