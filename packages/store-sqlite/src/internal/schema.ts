import type { DatabaseSync } from "node:sqlite";
import { HoldfastError } from "@holdfast/core";
import { corrupt } from "./errors.ts";

/**
 * The version of the tables below. A published version is never edited: add the next one, with an
 * upgrade from this one, and a golden file in tests/golden.
 */
const formatVersion = 3;

/** "HfSt": distinguishes a store from other SQLite files. */
const applicationId = 0x48665374;

/**
 * Commits are cheap because a group of them touches few pages. Patches of all actors are appended to one table, each
 * linked to the previous one of the same actor, starting from `patch_head` in the actor's row: the patches of a group
 * fill one page, where a table ordered by actor would touch a page for each. Call records are appended for the same
 * reason. They expire in about the order of their numbers, so that needs no index: the oldest are examined first.
 */
const tables = `
  CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value ANY NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE actor (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    last_commit TEXT NOT NULL,
    patch_head INTEGER,
    wake_at INTEGER,
    created_at INTEGER NOT NULL,
    destroyed_at INTEGER
  ) STRICT;
  CREATE UNIQUE INDEX actor_living ON actor (name, key) WHERE destroyed_at IS NULL;
  CREATE INDEX actor_page ON actor (name, id) WHERE destroyed_at IS NULL;
  CREATE INDEX actor_wake ON actor (wake_at, id) WHERE wake_at IS NOT NULL;

  CREATE TABLE snapshot (
    actor_no INTEGER PRIMARY KEY,
    bytes BLOB NOT NULL
  ) STRICT;

  CREATE TABLE patch (
    no INTEGER PRIMARY KEY,
    previous INTEGER,
    bytes BLOB NOT NULL
  ) STRICT;

  CREATE TABLE kv (
    actor_no INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (actor_no, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE call (
    no INTEGER PRIMARY KEY,
    actor_no INTEGER NOT NULL,
    key TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('started', 'done')),
    outcome BLOB,
    expires_at INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX call_key ON call (actor_no, key);

  PRAGMA application_id = ${applicationId};
`;

/**
 * Upgrades by the format that they start from; a new store runs all of them. Format 2 keeps the history of states: a
 * replaced snapshot moves to `past`, with the patches after it. It also has actors with files of their own: `is_open`
 * is set before an owner may write to one, and cleared when it is closed. While it is set, `actor.wake_at` may be
 * older than the file, and opening the store after a crash reads the time from there.
 *
 * Format 3 orders the index of call records by key: our clients generate keys that sort by time, so that the records
 * of a group of commits fall onto the last page, where an index by actor would write a page for each. The records of
 * one actor can no longer be found: those of a destroyed actor remain, invisible, until they expire. \`calls_until\`
 * is the time at which the last record of an actor expires.
 */
const upgrades: Readonly<Record<number, string>> = {
  1: `
  ALTER TABLE snapshot ADD COLUMN created_at INTEGER;
  ALTER TABLE patch ADD COLUMN created_at INTEGER;

  CREATE TABLE past (
    no INTEGER PRIMARY KEY,
    actor_no INTEGER NOT NULL,
    patch_head INTEGER,
    created_at INTEGER,
    until_at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE INDEX past_actor ON past (actor_no);

  CREATE TABLE actor_file (
    actor_no INTEGER PRIMARY KEY,
    is_open INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX actor_file_open ON actor_file (is_open) WHERE is_open = 1;
`,
  2: `
  ALTER TABLE actor ADD COLUMN calls_until INTEGER NOT NULL DEFAULT 0;
  UPDATE actor SET calls_until = (SELECT coalesce(max(expires_at), 0) FROM call WHERE actor_no = actor.no);
  DROP INDEX call_key;
  CREATE UNIQUE INDEX call_key ON call (key, actor_no);
`,
};

/**
 * Creates the tables of an empty database, or checks existing ones. Throws `store.corrupt` for a file that is not a
 * store, `store.format_too_new` for one of a newer release.
 */
export function prepareSchema(database: DatabaseSync): void {
  const { count } = one(database, "SELECT count(*) AS count FROM sqlite_schema");
  if (count === 0) return createTables(database);
  if (one(database, "PRAGMA application_id")["application_id"] !== applicationId) {
    throw corrupt(new Error("The file is an SQLite database, but not a store"));
  }
  const format = one(database, "SELECT value FROM meta WHERE key = 'format'")["value"];
  if (format === formatVersion) return;
  if (typeof format === "number" && format in upgrades) return upgrade(database, format);
  if (typeof format === "number" && format > formatVersion) {
    throw new HoldfastError(
      "store",
      "format_too_new",
      `The store was written in format ${format}; this release supports formats up to ${formatVersion}. Use a newer release.`,
      { metadata: { format, supported: formatVersion } },
    );
  }
  throw corrupt(new Error("The store has no format version"));
}

function createTables(database: DatabaseSync): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    database.exec(tables);
    database.prepare("INSERT INTO meta (key, value) VALUES ('format', ?)").run(1);
    applyUpgrades(database, 1);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function upgrade(database: DatabaseSync, from: number): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    applyUpgrades(database, from);
    database.exec("COMMIT");
  } catch (error) {
    if (database.isTransaction) database.exec("ROLLBACK");
    throw error;
  }
}

function applyUpgrades(database: DatabaseSync, from: number): void {
  for (let format = from; format < formatVersion; format++) {
    const sql = upgrades[format];
    if (sql === undefined) throw corrupt(new Error(`There is no upgrade from format ${format}`));
    database.exec(sql);
  }
  database.prepare("UPDATE meta SET value = ? WHERE key = 'format'").run(formatVersion);
}

function one(database: DatabaseSync, sql: string): Record<string, unknown> {
  const row = database.prepare(sql).get();
  if (row === undefined) throw corrupt(new Error(`No result for: ${sql}`));
  return row;
}
