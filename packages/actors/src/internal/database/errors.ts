/** The SQLite database of an actor, integrated into turns and transactions. */
import { HoldfastError } from "@holdfast/core";

export function closedError(): HoldfastError {
  const message =
    "Database is closed: the actor has stopped, or c.db.close() was called. End timers and loops with c.abortSignal";
  return new HoldfastError("db", "closed", message, { statusCode: 503 });
}

export function notOpenError(): HoldfastError {
  const message =
    'The definition of this actor has no "db", so the first execute or transaction opens its database; query and get work only after that';
  return new HoldfastError("db", "not_open", message, { statusCode: 500 });
}

export function invalidArguments(message: string): HoldfastError {
  return new HoldfastError("db", "invalid_arguments", message, { statusCode: 500 });
}

export function invalidBinding(place: string): HoldfastError {
  const message = `The value for ${place} is not one that SQL accepts: null, number, string, bigint, boolean, Uint8Array or an array of bytes`;
  return new HoldfastError("db", "invalid_binding", message, { statusCode: 500 });
}

export function missingBinding(name: string): HoldfastError {
  return new HoldfastError("db", "invalid_binding", `missing bind parameter: ${name}`, { statusCode: 500 });
}

export function notReadOnly(): HoldfastError {
  const message = "query and get run one read-only statement; use execute for anything else";
  return new HoldfastError("db", "not_a_read", message, { statusCode: 500 });
}

export function queueFullError(limit: number): HoldfastError {
  const message = `More than ${limit} statements and transactions wait for the open transaction`;
  return new HoldfastError("db", "transaction_queue_full", message, {
    metadata: { limit },
    statusCode: 503,
  });
}

export function transactionTimedOut(timeoutMs: number): HoldfastError {
  const message =
    `A transaction did not end within ${timeoutMs} ms and was rolled back. Inside its callback use the tx that it is` +
    " given: c.db, another c.db.transaction() and anything that leaves the actor wait for its end, which is a deadlock." +
    " If it needs that long, pass a longer { timeout }";
  return new HoldfastError("db", "transaction_expired", message, {
    metadata: { timeoutMs },
    statusCode: 408,
  });
}

export function transactionClosed(): HoldfastError {
  const message = "The transaction has ended: tx can be used only until its callback has settled";
  return new HoldfastError("db", "transaction_closed", message, { statusCode: 500 });
}

/** The error that SQLite would report, for a statement that the runtime executes itself. */
export function sqliteError(message: string): Error {
  const details = { code: "ERR_SQLITE_ERROR", errcode: 1, errstr: "SQL logic error" };
  return Object.assign(new Error(message), details);
}

/** For what a store does not allow. */
export function notAllowed(what: string, cure: string): HoldfastError {
  return new HoldfastError(
    "db",
    "not_allowed",
    `${what} is not possible in the database of an actor. ${cure}`,
  );
}

export function openedLate(): HoldfastError {
  return notAllowed(
    "The first statement of an actor within c.transaction()",
    "Define the database with db(), so that it is open before",
  );
}
