import { DatabaseSync } from "node:sqlite";
import type { Logger } from "@holdfast/core";
import { CallPruner } from "../call-pruner.ts";
import { Wal } from "../commit/wal.ts";
import { pageSize } from "../database.ts";
import { mapSqliteError } from "../errors.ts";
import type { FileSettings } from "./file-host.ts";
import type { LastWrite } from "./last-write.ts";
import {
  checkFileFormat,
  createFileTables,
  type FileStatements,
  filePragmas,
  prepareFileStatements,
} from "./schema.ts";
import { SqlSession } from "./session.ts";
import type { UserPragmas } from "./user-pragmas.ts";

/** An open connection to the file of an actor, and everything that lives as long as the connection. */
export interface FileConnection {
  readonly database: DatabaseSync;
  readonly session: SqlSession;
  readonly sql: FileStatements;
  readonly callPruner: CallPruner;
  readonly wal: Wal;
  /** Size of one page in the WAL, with its header. */
  readonly frameBytes: number;
}

/** Options of {@link openFileConnection}. */
export interface FileConnectionOptions {
  readonly actorId: string;
  readonly path: string;
  /** Creates the store's tables if the file has none yet. */
  readonly create: boolean;
  readonly settings: FileSettings;
  readonly pragmas: UserPragmas;
  readonly lastWrite: LastWrite;
}

/** Opens a file; throws a `store` error if SQLite refuses it, or if another version wrote it. */
export function openFileConnection(options: FileConnectionOptions): FileConnection {
  const { path, lastWrite } = options;
  const { maxFileBytes, syncFile } = options.settings;
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(path, { timeout: 5_000 });
    database.exec(`PRAGMA journal_mode = WAL; ${filePragmas}`);
    if (options.create && !hasTables(database)) {
      database.exec("BEGIN IMMEDIATE");
      createFileTables(database, options.actorId);
      database.exec("COMMIT");
    }
    checkFileFormat(database);
    if (maxFileBytes !== undefined) {
      database.exec(`PRAGMA max_page_count = ${Math.floor(maxFileBytes / pageSize(database))}`);
    }
    options.pragmas.applyTo(database);
    const sql = prepareFileStatements(database);
    const session = new SqlSession(database, lastWrite);
    lastWrite.attach(database);
    const wal = new Wal(`${path}-wal`, syncFile);
    return {
      database,
      session,
      sql,
      callPruner: new CallPruner(sql),
      wal,
      frameBytes: pageSize(database) + 24,
    };
  } catch (error) {
    database?.close();
    throw mapSqliteError(error);
  }
}

function hasTables(database: DatabaseSync): boolean {
  return database.prepare("SELECT 1 FROM sqlite_schema WHERE name = '_holdfast_meta'").get() !== undefined;
}

/**
 * Closes a connection. After a failed sync the WAL must not be checkpointed, because the next process decides what it
 * contains. SQLite checkpoints when the last connection is closed, so a second one is held open until then.
 */
export function closeFileConnection(
  { database, wal }: FileConnection,
  failed: { readonly actorId: string; readonly path: string; readonly log: Logger } | undefined,
): void {
  const reader = failed && openReader(failed.actorId, failed.path, failed.log);
  wal.close();
  database.close();
  reader?.close();
}

function openReader(actorId: string, path: string, log: Logger): DatabaseSync | undefined {
  try {
    const reader = new DatabaseSync(path, { readOnly: true });
    reader.prepare("SELECT count(*) FROM _holdfast_meta").get();
    return reader;
  } catch (error) {
    log.warn("failed file cannot be read", { actorId, error });
    return undefined;
  }
}
