/** Tables of the runtime in the database of an object, beside those of `c.db`. */
import { HoldfastError } from "@holdfast/core";
import type { ObjectStorage } from "../platform.ts";

/** Version of the tables. A published version is never edited: add the next one, with an upgrade. */
const formatVersion = 1;

/** Prefix of all of these tables. */
export const reservedPrefix = "_holdfast_";

/**
 * The state is a log: a snapshot, then patches, then the next snapshot. Bytes that exceed a row are in `piece`, where
 * `key` is that of their row; its own column is NULL then.
 */
const tables = `
  CREATE TABLE _holdfast_meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE _holdfast_actor (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    key TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    version INTEGER NOT NULL,
    wake_at INTEGER,
    created_at INTEGER NOT NULL,
    destroyed_at INTEGER,
    has_database INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX _holdfast_actor_living ON _holdfast_actor (name, key) WHERE destroyed_at IS NULL;

  CREATE TABLE _holdfast_state (
    no INTEGER PRIMARY KEY AUTOINCREMENT,
    actor TEXT NOT NULL,
    is_snapshot INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    bytes BLOB
  ) STRICT;
  CREATE INDEX _holdfast_state_actor ON _holdfast_state (actor, no);

  CREATE TABLE _holdfast_kv (
    actor TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB,
    PRIMARY KEY (actor, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE _holdfast_call (
    actor TEXT NOT NULL,
    key TEXT NOT NULL,
    status TEXT NOT NULL,
    has_outcome INTEGER NOT NULL,
    outcome BLOB,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (actor, key)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX _holdfast_call_expiry ON _holdfast_call (expires_at);

  CREATE TABLE _holdfast_piece (
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    key ANY NOT NULL,
    part INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (kind, actor, key, part)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE _holdfast_blob (
    actor TEXT NOT NULL,
    hash TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (actor, hash)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE _holdfast_socket (id TEXT PRIMARY KEY, memory BLOB NOT NULL) STRICT, WITHOUT ROWID;
`;

/** Creates the tables of a new object, or checks existing ones. Throws `store.format_too_new`. */
export function prepareSchema(storage: ObjectStorage): void {
  const { sql } = storage;
  const known = sql.exec("SELECT 1 FROM sqlite_schema WHERE name = '_holdfast_meta'").toArray();
  if (known.length === 0) {
    storage.transactionSync(() => {
      sql.exec(tables);
      sql.exec("INSERT INTO _holdfast_meta (key, value) VALUES ('format', ?)", formatVersion);
    });
    return;
  }
  const [row] = sql.exec("SELECT value FROM _holdfast_meta WHERE key = 'format'").toArray();
  const format = row?.["value"];
  if (format === formatVersion) return;
  const message = `The object was written in format ${String(format)}; this release supports formats up to ${formatVersion}. Deploy a newer release.`;
  throw new HoldfastError("store", "format_too_new", message, {
    metadata: { format, supported: formatVersion },
  });
}
