/** Shared database: schema, statements, worker thread, errors. */
import { HoldfastError } from "@holdfast/core";
import { sqliteCode } from "./sqlite-code.ts";

// Result codes of SQLite: https://sqlite.org/rescode.html
const FULL = 13;
const IOERR = 10;
const BUSY = 5;
const LOCKED = 6;
const NOMEM = 7;
const TOOBIG = 18;
const CORRUPT = 11;
const NOTADB = 26;
const READONLY = 8;
const CANTOPEN = 14;
const IOERR_FSYNC = 1034;
const IOERR_DIR_FSYNC = 1290;

/**
 * True if the content of the disk is unknown after this error (a failed sync may drop dirty pages and succeed the next
 * time), or the file is damaged: the store must not be used any more.
 */
export function isFatal(error: unknown): boolean {
  const code = sqliteCode(error);
  if (code === IOERR_FSYNC || code === IOERR_DIR_FSYNC) return true;
  const primary = code & 0xff;
  return primary === CORRUPT || primary === NOTADB;
}

/** The typed error for a transaction or read that failed and changed nothing. */
export function mapSqliteError(error: unknown): unknown {
  const code = sqliteCode(error);
  if (code === 0) return error;
  const options = { cause: error, metadata: { sqliteCode: code } };
  switch (code & 0xff) {
    case FULL:
      return new HoldfastError("store", "full", "The disk or the store's quota is full", options);
    case IOERR:
    case BUSY:
    case LOCKED:
    case NOMEM:
    case READONLY:
    case CANTOPEN:
      return unavailable(options);
    case TOOBIG:
      return new HoldfastError("store", "too_large", "A value is larger than the store can keep", {
        ...options,
        statusCode: 413,
      });
    case CORRUPT:
    case NOTADB:
      return corrupt(error);
    default:
      return error;
  }
}

/** The files of the store cannot be used; operating systems report the reason in many ways. */
export function unavailable(options: {
  readonly cause: unknown;
  readonly metadata?: unknown;
}): HoldfastError {
  const message =
    "The store cannot read or write its files. Check that the disk has space, and the permissions of the data directory";
  return new HoldfastError("store", "unavailable", message, options);
}

export function corrupt(cause: unknown): HoldfastError {
  return new HoldfastError("store", "corrupt", "The store's database is damaged, or not a database", {
    cause,
  });
}

export function fenced(actorId: string): HoldfastError {
  return new HoldfastError("actor", "fenced", "Another owner has taken over this actor", {
    metadata: { actorId },
  });
}

export function duplicateKey(): HoldfastError {
  return new HoldfastError("actor", "duplicate_key", "An actor with this name and key exists already");
}

export function notFound(actorId: string): HoldfastError {
  return new HoldfastError("actor", "not_found", "The actor does not exist or was destroyed", {
    metadata: { actorId },
  });
}

export function invalidCommit(message: string): HoldfastError {
  return new HoldfastError("store", "invalid_commit", message);
}

export function closed(): HoldfastError {
  return new HoldfastError("store", "closed", "The store is closed", { statusCode: 503 });
}

/** The error for everything that is requested after a sync failed. */
export function failed(cause: unknown): HoldfastError {
  return new HoldfastError(
    "store",
    "failed",
    "A sync of the store failed, so it accepts no more commits. Check the disk, then restart",
    { cause, statusCode: 503 },
  );
}

/** The error for commits that were written when their sync failed. */
export function indeterminate(cause: unknown): HoldfastError {
  return new HoldfastError("store", "indeterminate", "The commit was written, but its sync failed", {
    cause,
  });
}

export function busy(): HoldfastError {
  return new HoldfastError("store", "unavailable", "Too many commits are waiting; nothing was written");
}

/** The error for an actor whose row refers to a file that does not exist. */
export function lostFile(actorId: string): HoldfastError {
  return new HoldfastError("store", "corrupt", "The file of the actor is missing", {
    metadata: { actorId },
  });
}
