import { mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { syncDirectory } from "./commit/wal.ts";
import { connectionPragmas } from "./connection-pragmas.ts";
import { mapSqliteError } from "./errors.ts";
import { prepareSchema } from "./schema.ts";
import { sqliteCode } from "./sqlite-code.ts";

export const databaseName = "actors.db";

/** Opens or creates the database in WAL mode, with its files and their directory entries durable. */
export function openDatabase(directory: string, maxBytes: number | undefined): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(directory, databaseName), { timeout: 5_000 });
    // A connection learns the journal mode with its first read: this reads the header.
    const mode = database.prepare("PRAGMA journal_mode = WAL").get()?.["journal_mode"];
    if (mode !== "wal") throw noWal(directory);
    database.exec(connectionPragmas);
    if (maxBytes !== undefined)
      database.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / pageSize(database))}`);
    prepareSchema(database);
    syncDirectory(directory);
    return database;
  } catch (error) {
    database?.close();
    if (isHoldfastError(error) || sqliteCode(error) === 0) throw error;
    throw mapSqliteError(error);
  }
}

function noWal(directory: string): HoldfastError {
  const message = `The file system of ${directory} does not support shared memory, which SQLite's log needs`;
  return new HoldfastError("store", "unavailable", `${message}. Choose a directory on a local disk.`);
}

export function pageSize(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA page_size").get()?.["page_size"]);
}

/** Creates a directory and makes its entry in the parent durable. */
export function makeDirectory(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = path; ; made = dirname(made)) {
    syncDirectory(dirname(made));
    if (made === first || made === dirname(made)) return;
  }
}

/**
 * The sorted entries of a directory of the store; empty if it does not exist or is not a directory. Other programs
 * leave files there (`.DS_Store`), which are neither read nor removed.
 */
export function entries(path: string): string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    if (code === "ENOENT" || code === "ENOTDIR") return [];
    throw error;
  }
}
