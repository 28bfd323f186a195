import type { DatabaseSync } from "node:sqlite";
import type { NamespaceFilter } from "@holdfast/actors";

const record = "id, name, key, epoch, version, created_at, destroyed_at, wake_at";

/** Compares a name's prefix with a namespace, or with a JSON array of those that are left out. */
function inNamespaces(only: string, without: string): string {
  const namespace = "substr(name, 1, max(instr(name, ':') - 1, 0))";
  return `CASE WHEN ${only} IS NULL THEN ${namespace} NOT IN (SELECT value FROM json_each(${without}))
    ELSE ${namespace} = ${only} END`;
}

/** The parameters of {@link inNamespaces}. */
export function namespaceParameters(filter: NamespaceFilter): readonly [string | null, string] {
  return "only" in filter ? [filter.only, "[]"] : [null, JSON.stringify(filter.without)];
}

/** Number of call records per statement: for several, the call into SQLite costs more than the rows. */
export const callsAtOnce = 8;

/**
 * All statements of the store, prepared once per connection. Every LIMIT is an expression, because SQLite's planner
 * inspects a bare parameter, and would recompile the statement whenever it is bound.
 */
export function prepareStatements(database: DatabaseSync) {
  const sql = (text: string) => database.prepare(text);
  return {
    begin: sql("BEGIN IMMEDIATE"),
    commit: sql("COMMIT"),
    rollback: sql("ROLLBACK"),
    savepoint: sql("SAVEPOINT one"),
    release: sql("RELEASE one"),
    rollbackTo: sql("ROLLBACK TO one"),
    /** Number of frames in the WAL, and how many of them a checkpoint has moved; changes nothing. */
    walState: sql("PRAGMA wal_checkpoint(NOOP)"),

    create: sql(`INSERT INTO actor (id, name, key, epoch, version, last_commit, created_at)
      VALUES (?, ?, ?, 1, 1, ?, ?) ON CONFLICT DO NOTHING`),
    fence: sql(`UPDATE actor SET version = version + 1, last_commit = ?
      WHERE id = ? AND epoch = ? AND version = ? AND destroyed_at IS NULL RETURNING no, patch_head`),
    /** As `fence`, for an actor whose row number is known; also writes what a turn usually changes in its row. */
    fenceHot: sql(`UPDATE actor SET version = version + 1, last_commit = ?1, patch_head = ?2,
      calls_until = max(calls_until, ?3)
      WHERE no = ?4 AND id = ?5 AND epoch = ?6 AND version = ?7 AND destroyed_at IS NULL`),
    acquire: sql(`UPDATE actor SET epoch = epoch + 1 WHERE id = ? AND destroyed_at IS NULL
      RETURNING no, patch_head, calls_until, ${record}`),
    setWake: sql("UPDATE actor SET wake_at = ? WHERE no = ?"),
    setCallsUntil: sql("UPDATE actor SET calls_until = max(calls_until, ?) WHERE no = ?"),
    setPatchHead: sql("UPDATE actor SET patch_head = ? WHERE no = ?"),
    destroy: sql("UPDATE actor SET destroyed_at = ?, wake_at = NULL, patch_head = NULL WHERE no = ?"),

    putSnapshot: sql(`INSERT INTO snapshot (actor_no, bytes, created_at) VALUES (?, ?, ?)
      ON CONFLICT (actor_no) DO UPDATE SET bytes = excluded.bytes, created_at = excluded.created_at`),
    getSnapshot: sql("SELECT bytes FROM snapshot WHERE actor_no = ?"),
    hasSnapshot: sql("SELECT 1 FROM snapshot WHERE actor_no = ?"),
    deleteSnapshot: sql("DELETE FROM snapshot WHERE actor_no = ?"),
    putPatch: sql("INSERT INTO patch (no, previous, bytes, created_at) VALUES (?, ?, ?, ?)"),
    lastPatch: sql("SELECT coalesce(max(no), 0) AS no FROM patch"),
    /** From the newest patch back to the oldest. */
    getPatches: sql(`WITH RECURSIVE chain (no, previous, depth) AS (
        SELECT no, previous, 0 FROM patch WHERE no = ?
        UNION ALL
        SELECT patch.no, patch.previous, depth + 1 FROM chain JOIN patch ON patch.no = chain.previous
      ) SELECT patch.bytes FROM chain JOIN patch ON patch.no = chain.no ORDER BY depth`),
    deletePatches: sql(`WITH RECURSIVE chain (no, previous) AS (
        SELECT no, previous FROM patch WHERE no = ?
        UNION ALL
        SELECT patch.no, patch.previous FROM chain JOIN patch ON patch.no = chain.previous
      ) DELETE FROM patch WHERE no IN (SELECT no FROM chain)`),

    snapshotSize: sql("SELECT length(bytes) AS size FROM snapshot WHERE actor_no = ?"),
    patchesSize: sql(`WITH RECURSIVE chain (previous, size) AS (
        SELECT previous, length(bytes) FROM patch WHERE no = ?
        UNION ALL
        SELECT patch.previous, length(patch.bytes) FROM chain JOIN patch ON patch.no = chain.previous
      ) SELECT coalesce(sum(size), 0) AS size FROM chain`),
    moveToPast: sql(`INSERT INTO past (actor_no, patch_head, created_at, until_at, size, bytes)
      SELECT actor_no, ?2, created_at, ?3, ?4, bytes FROM snapshot WHERE actor_no = ?1`),
    /** Newest first. */
    listPast: sql("SELECT no, patch_head, until_at, size FROM past WHERE actor_no = ? ORDER BY no DESC"),
    deletePast: sql("DELETE FROM past WHERE no = ?"),
    snapshotAt: sql("SELECT bytes FROM snapshot WHERE actor_no = ?1 AND coalesce(created_at, 0) <= ?2"),
    pastAt: sql(`SELECT patch_head, bytes FROM past
      WHERE actor_no = ?1 AND coalesce(created_at, 0) <= ?2 ORDER BY no DESC LIMIT 1`),
    /** As `getPatches`, up to a time. */
    patchesAt: sql(`WITH RECURSIVE chain (no, previous, depth) AS (
        SELECT no, previous, 0 FROM patch WHERE no = ?1
        UNION ALL
        SELECT patch.no, patch.previous, depth + 1 FROM chain JOIN patch ON patch.no = chain.previous
      ) SELECT patch.bytes FROM chain JOIN patch ON patch.no = chain.no
        WHERE coalesce(patch.created_at, 0) <= ?2 ORDER BY depth`),
    place: sql("SELECT no, patch_head FROM actor WHERE id = ? AND destroyed_at IS NULL"),

    kvPut: sql(`INSERT INTO kv (actor_no, key, value) VALUES (?, ?, ?)
      ON CONFLICT (actor_no, key) DO UPDATE SET value = excluded.value`),
    kvDelete: sql("DELETE FROM kv WHERE actor_no = ? AND key = ?"),
    kvDeleteFrom: sql("DELETE FROM kv WHERE actor_no = ? AND key >= ?"),
    kvDeleteRange: sql("DELETE FROM kv WHERE actor_no = ? AND key >= ? AND key < ?"),
    kvGet: sql("SELECT value FROM kv WHERE actor_no = (SELECT no FROM actor WHERE id = ?) AND key = ?"),
    kvList: sql(`SELECT key, value FROM kv WHERE actor_no = (SELECT no FROM actor WHERE id = ?1)
      AND key >= ?2 AND (?3 IS NULL OR key < ?3) ORDER BY key LIMIT ?4 + 0`),
    kvListReverse: sql(`SELECT key, value FROM kv WHERE actor_no = (SELECT no FROM actor WHERE id = ?1)
      AND key >= ?2 AND (?3 IS NULL OR key < ?3) ORDER BY key DESC LIMIT ?4 + 0`),

    putCall: sql(putCalls(1)),
    putCalls: sql(putCalls(callsAtOnce)),
    getCall: sql(`SELECT status, outcome, expires_at FROM call
      WHERE actor_no = (SELECT no FROM actor WHERE id = ? AND destroyed_at IS NULL)
      AND key = ? AND expires_at > ?`),
    /** Reads all records: used only if \`calls_until\` says that some belong to this actor. */
    listCalls: sql(`SELECT key, status, outcome, expires_at FROM call
      WHERE actor_no = (SELECT no FROM actor WHERE id = ?1 AND calls_until > ?2) AND expires_at > ?2 ORDER BY no`),
    pruneCalls: sql(`DELETE FROM call WHERE no IN (SELECT no FROM
      (SELECT no, expires_at FROM call WHERE no > ?3 ORDER BY no LIMIT ?2 + 0) WHERE expires_at <= ?1)`),
    oldestCall: sql("SELECT expires_at FROM call WHERE no > ? ORDER BY no LIMIT 1"),
    lastUnexpiredCall: sql(`SELECT max(no) AS no FROM
      (SELECT no, expires_at FROM call WHERE no > ?3 ORDER BY no LIMIT ?2 + 0) WHERE expires_at > ?1`),
    deleteKv: sql("DELETE FROM kv WHERE actor_no = ?"),

    find: sql(`SELECT ${record} FROM actor WHERE name = ? AND key = ? AND destroyed_at IS NULL`),
    get: sql(`SELECT ${record} FROM actor WHERE id = ?`),
    list: sql(`SELECT ${record} FROM actor WHERE destroyed_at IS NULL AND id > ? ORDER BY id LIMIT ? + 0`),
    listName: sql(`SELECT ${record} FROM actor
      WHERE name = ? AND destroyed_at IS NULL AND id > ? ORDER BY id LIMIT ? + 0`),
    listFiltered: sql(`SELECT ${record} FROM actor WHERE destroyed_at IS NULL
      AND substr(key, 1, length(?1)) = ?1 AND created_at > ?2 AND id > ?3 ORDER BY id LIMIT ?4 + 0`),
    listNameFiltered: sql(`SELECT ${record} FROM actor WHERE name = ?5 AND destroyed_at IS NULL
      AND substr(key, 1, length(?1)) = ?1 AND created_at > ?2 AND id > ?3 ORDER BY id LIMIT ?4 + 0`),
    listNamespace: sql(`SELECT ${record} FROM actor WHERE destroyed_at IS NULL
      AND substr(key, 1, length(?1)) = ?1 AND created_at > ?2 AND id > ?3 AND (?5 IS NULL OR name = ?5)
      AND ${inNamespaces("?6", "?7")} ORDER BY id LIMIT ?4 + 0`),
    countNamespace: sql(`SELECT count(*) AS n FROM actor WHERE destroyed_at IS NULL
      AND substr(key, 1, length(?1)) = ?1 AND created_at > ?2 AND (?3 IS NULL OR name = ?3) AND ${inNamespaces("?4", "?5")}`),
    count: sql(`SELECT count(*) AS n FROM actor WHERE destroyed_at IS NULL
      AND substr(key, 1, length(?1)) = ?1 AND created_at > ?2`),
    countName: sql(`SELECT count(*) AS n FROM actor WHERE name = ?3 AND destroyed_at IS NULL
      AND substr(key, 1, length(?1)) = ?1 AND created_at > ?2`),
    due: sql(`SELECT ${record} FROM actor WHERE wake_at IS NOT NULL AND wake_at <= ? AND (wake_at, id) > (?, ?)
      ORDER BY wake_at, id LIMIT ? + 0`),
    waking: sql(`SELECT ${record} FROM actor WHERE wake_at IS NOT NULL AND (wake_at, id) > (?, ?)
      ORDER BY wake_at, id`),
    nextWake: sql(`SELECT wake_at FROM actor WHERE wake_at IS NOT NULL AND (wake_at, id) > (?, ?)
      ORDER BY wake_at, id LIMIT 1`),
  };
}

export type Statements = ReturnType<typeof prepareStatements>;

/** The first parameter is the actor; each record has four after it. */
function putCalls(count: number): string {
  const rows = Array.from({ length: count }, () => "(?1, ?, ?, ?, ?)");
  return `INSERT INTO call (actor_no, key, status, outcome, expires_at) VALUES ${rows.join(", ")}
    ON CONFLICT (key, actor_no) DO UPDATE
    SET status = excluded.status, outcome = excluded.outcome, expires_at = excluded.expires_at`;
}
