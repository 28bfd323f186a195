import type { DatabaseSync } from "node:sqlite";
import { forgetShared as forget, loadShared, type Tables } from "../commit/apply.ts";
import { actorRecord, bytes, callRecord, type Row, text } from "../rows.ts";
import type { Statements } from "../statements.ts";
import type { FileContent } from "./file-writes.ts";

/** All data of an actor in the store's database; undefined if it is not stored there. */
export function readShared(
  sql: Statements,
  database: DatabaseSync,
  id: string,
  now: number,
): FileContent | undefined {
  const row = sql.get.get(id);
  if (row === undefined) return undefined;
  const record = actorRecord(row);
  if (record.destroyedAt !== undefined) return undefined;
  const no = "(SELECT no FROM actor WHERE id = ?)";
  const kv = database.prepare(`SELECT key, value FROM kv WHERE actor_no = ${no} ORDER BY key`).all(id);
  const calls = sql.listCalls.all(id, now);
  return {
    epoch: record.epoch,
    version: record.version,
    wakeAt: record.wakeAt,
    state: loadShared(sql, findActorRow(database, id)),
    kv: kv.map((entry) => ({ key: bytes(entry, "key"), value: bytes(entry, "value") })),
    calls: calls.map((call) => callRecord(text(call, "key"), call)),
  };
}

/** Removes the data that {@link readShared} reads, in the open transaction. */
export function forgetShared(tables: Tables, database: DatabaseSync, id: string): void {
  forget(tables, id, findActorRow(database, id));
}

function findActorRow(database: DatabaseSync, id: string): Row {
  return database.prepare("SELECT no, patch_head FROM actor WHERE id = ?").get(id) ?? {};
}
