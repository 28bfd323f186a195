import type { DatabaseSync } from "node:sqlite";
import { HoldfastError } from "@holdfast/core";

/** Migrations of the database, one per version. A published one is never changed: add the next one. */
const steps: readonly string[] = [
  `
  CREATE TABLE sessions (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    data TEXT NOT NULL
  ) STRICT;
  CREATE TABLE events (
    session INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
    sequence INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    sender TEXT NOT NULL,
    payload TEXT NOT NULL,
    PRIMARY KEY (session, sequence)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE prompts (
    session INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
    id TEXT NOT NULL,
    position INTEGER NOT NULL,
    status TEXT NOT NULL,
    version INTEGER NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (session, id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX prompts_open ON prompts (status, session, position) WHERE status IN ('queued', 'running');
  CREATE TABLE permissions (
    key INTEGER PRIMARY KEY,
    session INTEGER NOT NULL REFERENCES sessions (key) ON DELETE CASCADE,
    id TEXT NOT NULL,
    state TEXT NOT NULL,
    version INTEGER NOT NULL,
    data TEXT NOT NULL,
    UNIQUE (session, id)
  ) STRICT;
  CREATE INDEX permissions_by_state ON permissions (state);
  `,
];

/** Database version that this program writes. */
export const schemaVersion = steps.length;

/** Migrates a database to {@link schemaVersion}. Throws `sandbox.log_too_new` for a newer version. */
export function migrate(database: DatabaseSync): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  if (version > schemaVersion) {
    throw new HoldfastError(
      "sandbox",
      "log_too_new",
      `The session log has version ${version}, but this program supports versions up to ${schemaVersion}`,
      { metadata: { version, known: schemaVersion } },
    );
  }
  for (const [index, step] of steps.entries()) {
    if (index < version) continue;
    database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${index + 1}; COMMIT`);
  }
}
