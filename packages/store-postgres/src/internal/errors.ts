/** Shared parts of the store: schema, errors, rows, look-ups, shards. */
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { ConnectionLost, type Failure } from "@holdfast/store-kit";

/** SQLSTATE of a server error; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : undefined;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ConnectionLost) return "lost";
  const state = sqlState(error);
  switch (state) {
    case "22012":
      return "fence";
    case "40001":
    case "40P01":
    case "55P03":
      return "conflict";
    case "26000":
    case "42P05":
      return "unprepared";
    default:
      return state !== undefined && /^(08|57P0|25P03|25006)/.test(state) ? "lost" : "final";
  }
}

/** Maps the error of a transaction or read that changed nothing to a typed error. */
export function mapDatabaseError(error: unknown): unknown {
  if (isHoldfastError(error)) return error;
  if (error instanceof ConnectionLost) return unavailable(error.cause);
  const state = sqlState(error);
  if (state === undefined) return error;
  const options = { cause: error, metadata: { sqlState: state } };
  if (state === "53100") {
    const message =
      "The disk of the database is full; nothing was written. Free space on the database server, then retry";
    return new HoldfastError("store", "full", message, options);
  }
  if (state === "54000" || state === "54001" || state === "53200") {
    const message = "A value is larger than the database can store. Split it";
    return new HoldfastError("store", "too_large", message, { ...options, statusCode: 413 });
  }
  if (/^(XX001|XX002)$/.test(state)) {
    const message = "The database reports damaged data. Restore a backup of it";
    return new HoldfastError("store", "corrupt", message, options);
  }
  if (/^(08|25006|28|3D|3F|42501|53|55P|57|58|40)/.test(state)) return unavailable(error, state);
  return error;
}

/** As {@link mapDatabaseError}, for work on a connection of its own: what the server has not reported is the network. */
export function mapConnectionError(error: unknown): unknown {
  const mapped = mapDatabaseError(error);
  return mapped instanceof HoldfastError || sqlState(error) !== undefined ? mapped : unavailable(error);
}

export function unavailable(cause: unknown, state?: string): HoldfastError {
  const reason = reasonOf(cause);
  return new HoldfastError(
    "store",
    "unavailable",
    `The database cannot be used${reason === "" ? "" : `: ${reason}`}. Nothing was written. ${adviceFor(cause, state)}`,
    { cause, ...(state === undefined ? {} : { metadata: { sqlState: state } }) },
  );
}

/** A name with several addresses fails with one error for each, and a message of its own that is empty. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return [...new Set(cause.errors.map(reasonOf))].join(", ");
  return cause instanceof Error ? cause.message : "";
}

/** What to do about it, by SQLSTATE or the code of a network error. */
function adviceFor(cause: unknown, state: string | undefined): string {
  if (state?.startsWith("28") === true) {
    return "Check the user and the password in the URL of the store, and pg_hba.conf of the server";
  }
  if (state === "3D000")
    return "Create the database, for example with createdb, or correct the URL of the store";
  if (state === "42501") {
    return "Let the user create tables: GRANT CREATE ON DATABASE <database> TO <user>, or create the schema with this user as its owner";
  }
  if (state === "53300") return "Raise max_connections of the server, or put PgBouncer before it";
  switch (networkCodeOf(cause)) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "Correct the host in the URL of the store, or the name server of this machine";
    case "ECONNREFUSED":
      return "Check that its server runs and listens at this address, then retry";
    default:
      return "Check that its server runs and accepts this user, then retry";
  }
}

function networkCodeOf(cause: unknown): string | undefined {
  const error: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
