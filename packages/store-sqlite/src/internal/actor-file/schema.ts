import type { DatabaseSync } from "node:sqlite";
import { HoldfastError } from "@holdfast/core";
import { corrupt } from "../errors.ts";

/**
 * The version of the store's own tables in the file of an actor. A published version is never edited:
 * add the next one, with an upgrade from this one, and a golden file in tests/golden.
 */
const fileFormat = 1;

/**
 * The file holds all data of its actor, so that a turn with user SQL is one transaction: the fence in
 * `_holdfast_actor`, the log of the state, entries, call records, and the user's tables.
 */
const tables = `
  CREATE TABLE _holdfast_meta (
    key TEXT PRIMARY KEY,
    value ANY NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE _holdfast_actor (
    no INTEGER PRIMARY KEY CHECK (no = 1),
    id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    last_commit TEXT NOT NULL,
    wake_at INTEGER
  ) STRICT;

  CREATE TABLE _holdfast_state (
    no INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    is_snapshot INTEGER NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;

  CREATE TABLE _holdfast_kv (
    key BLOB PRIMARY KEY,
    value BLOB NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE _holdfast_call (
    no INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('started', 'done')),
    outcome BLOB,
    expires_at INTEGER NOT NULL
  ) STRICT;
`;

/** The pragmas of every connection to a file of an actor. */
export const filePragmas = `
  PRAGMA synchronous = NORMAL;
  PRAGMA wal_autocheckpoint = 0;
  PRAGMA cache_size = -2048;
  PRAGMA trusted_schema = OFF;
  PRAGMA foreign_keys = ON;
`;

/** Creates the tables of a new file in the open transaction. */
export function createFileTables(database: DatabaseSync, actorId: string): void {
  database.exec(tables);
  database.prepare("INSERT INTO _holdfast_meta (key, value) VALUES ('format', ?)").run(fileFormat);
  database
    .prepare("INSERT INTO _holdfast_actor (no, id, epoch, version, last_commit) VALUES (1, ?, 1, 0, '')")
    .run(actorId);
}

/** Throws `store.corrupt` for a file that is not the file of an actor, `store.format_too_new`. */
export function checkFileFormat(database: DatabaseSync): void {
  const format = database.prepare("SELECT value FROM _holdfast_meta WHERE key = 'format'").get()?.["value"];
  if (format === fileFormat) return;
  if (typeof format === "number" && format > fileFormat) {
    throw new HoldfastError(
      "store",
      "format_too_new",
      `The actor's file was written in format ${format}; this release supports formats up to ${fileFormat}. Use a newer release.`,
      { metadata: { format, supported: fileFormat } },
    );
  }
  throw corrupt(new Error("The actor's file has no format version"));
}

/** The statements of the store's own tables, prepared once for the life of the connection. */
export function prepareFileStatements(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  return {
    read: sql("SELECT id, epoch, version, wake_at FROM _holdfast_actor"),
    fence: sql(`UPDATE _holdfast_actor SET version = version + 1, last_commit = ?1
      WHERE epoch = ?2 AND version = ?3`),
    fenceAndWake: sql(`UPDATE _holdfast_actor SET version = version + 1, last_commit = ?1, wake_at = ?4
      WHERE epoch = ?2 AND version = ?3`),
    setEpoch: sql("UPDATE _holdfast_actor SET epoch = ?"),
    setOwner: sql("UPDATE _holdfast_actor SET id = ?, epoch = ?, version = ?, wake_at = ?"),
    walState: sql("PRAGMA wal_checkpoint(NOOP)"),

    putState: sql(`INSERT INTO _holdfast_state (version, created_at, is_snapshot, bytes)
      VALUES (?, ?, ?, ?)`),
    hasSnapshot: sql("SELECT 1 FROM _holdfast_state LIMIT 1"),
    stateSince: sql(`SELECT is_snapshot, bytes FROM _holdfast_state WHERE no >=
      (SELECT max(no) FROM _holdfast_state WHERE is_snapshot = 1 AND created_at <= ?1)
      AND created_at <= ?1 ORDER BY no`),
    snapshots: sql(`SELECT no, created_at FROM _holdfast_state WHERE is_snapshot = 1 ORDER BY no DESC`),
    stateBytes: sql("SELECT sum(length(bytes)) AS bytes FROM _holdfast_state WHERE no >= ?"),
    pruneState: sql("DELETE FROM _holdfast_state WHERE no < ?"),

    kvPut: sql(`INSERT INTO _holdfast_kv (key, value) VALUES (?, ?)
      ON CONFLICT (key) DO UPDATE SET value = excluded.value`),
    kvDelete: sql("DELETE FROM _holdfast_kv WHERE key = ?"),
    kvDeleteFrom: sql("DELETE FROM _holdfast_kv WHERE key >= ?"),
    kvDeleteRange: sql("DELETE FROM _holdfast_kv WHERE key >= ? AND key < ?"),
    kvGet: sql("SELECT value FROM _holdfast_kv WHERE key = ?"),
    kvList: sql(`SELECT key, value FROM _holdfast_kv
      WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) ORDER BY key LIMIT ?3 + 0`),
    kvListReverse: sql(`SELECT key, value FROM _holdfast_kv
      WHERE key >= ?1 AND (?2 IS NULL OR key < ?2) ORDER BY key DESC LIMIT ?3 + 0`),

    putCall: sql(`INSERT INTO _holdfast_call (key, status, outcome, expires_at) VALUES (?, ?, ?, ?)
      ON CONFLICT (key) DO UPDATE
      SET status = excluded.status, outcome = excluded.outcome, expires_at = excluded.expires_at`),
    getCall: sql("SELECT status, outcome, expires_at FROM _holdfast_call WHERE key = ? AND expires_at > ?"),
    pruneCalls: sql(`DELETE FROM _holdfast_call WHERE no IN (SELECT no FROM
      (SELECT no, expires_at FROM _holdfast_call WHERE no > ?3 ORDER BY no LIMIT ?2 + 0) WHERE expires_at <= ?1)`),
    oldestCall: sql("SELECT expires_at FROM _holdfast_call WHERE no > ? ORDER BY no LIMIT 1"),
    lastUnexpiredCall: sql(`SELECT max(no) AS no FROM
      (SELECT no, expires_at FROM _holdfast_call WHERE no > ?3 ORDER BY no LIMIT ?2 + 0) WHERE expires_at > ?1`),
    clearCalls: sql("DELETE FROM _holdfast_call"),
  };
}

export type FileStatements = ReturnType<typeof prepareFileStatements>;
