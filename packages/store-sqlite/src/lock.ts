import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { HoldfastError } from "@holdfast/core";
import { sqliteCode } from "./internal/sqlite-code.ts";

/** The lock of a data directory, held by this process. */
export interface DataDirectoryLock {
  /** The directory that is locked. */
  readonly path: string;
  /** Releases the lock. Idempotent. */
  release(): void;
}

/**
 * Acquires the exclusive lock of a data directory (created if it does not exist) for this process. The operating
 * system releases it however the process ends; child processes do not inherit it.
 *
 * Throws `store.locked`, with the holder's process id in `metadata.pid` if it is known, and `store.unavailable` if the
 * directory cannot be created or written.
 */
export function lockDataDirectory(path: string): DataDirectoryLock {
  return lockFile(path, "lock");
}

/** Locks `<path>/<name>.db`; the holder's pid is in `<name>.pid`. */
export function lockFile(path: string, name: string): DataDirectoryLock {
  const pidFile = join(path, `${name}.pid`);
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    database = new DatabaseSync(join(path, `${name}.db`), { timeout: 0 });
    // The file exists only for its lock: a journal would only be left behind by a crash.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch (cause) {
    database?.close();
    throw lockError(path, pidFile, cause);
  }
  let held: DatabaseSync | undefined = database;
  return {
    path,
    release() {
      held?.close();
      held = undefined;
    },
  };
}

const SQLITE_BUSY = 5;

function lockError(path: string, pidFile: string, cause: unknown): HoldfastError {
  if ((sqliteCode(cause) & 0xff) !== SQLITE_BUSY) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    return new HoldfastError("store", "unavailable", `The directory ${path} cannot be used: ${reason}`, {
      cause,
    });
  }
  const pid = readPid(pidFile);
  const holder = pid === undefined ? "another process" : `process ${pid}`;
  return new HoldfastError(
    "store",
    "locked",
    `The data directory ${path} is in use by ${holder}. Stop it, or choose another directory.`,
    { statusCode: 409, cause, ...(pid === undefined ? {} : { metadata: { pid } }) },
  );
}

/** The holder writes its pid right after it has the lock, so for a moment the file may be missing or outdated. */
function readPid(pidFile: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, "utf8"), 10);
    return Number.isSafeInteger(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}
