/** Errors that every store on a server throws, with the same codes and words. */
import { HoldfastError } from "@holdfast/core";

/** The connection was lost during work, or could not be opened. */
export class ConnectionLost extends Error {
  /** True if the work had been sent: the server may have done it. */
  readonly sent: boolean;

  constructor(sent: boolean, cause: unknown) {
    super("The connection to the database was lost", { cause });
    this.name = "ConnectionLost";
    this.sent = sent;
  }
}

/**
 * - `fence`: the fence, or the creation of the row, matched nothing.
 * - `lost`: the connection ended or is unusable (a standby); the outcome may be unknown.
 * - `conflict`: the server changed nothing; the turn may be sent again.
 * - `unprepared`: as `conflict`, because the server does not know what was prepared.
 * - `final`: it would fail again.
 */
export type Failure = "fence" | "lost" | "conflict" | "unprepared" | "final";

export function busy(): HoldfastError {
  return new HoldfastError(
    "store",
    "unavailable",
    "Too many commits wait for the database; nothing was written. Retry later",
  );
}

export function indeterminate(cause: unknown): HoldfastError {
  return new HoldfastError(
    "store",
    "indeterminate",
    "The connection to the database was lost during the commit, and its outcome could not be read. Retry under the same idempotency key",
    { cause },
  );
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

export function corrupt(message: string, cause?: unknown): HoldfastError {
  return new HoldfastError("store", "corrupt", message, { cause });
}

export function closed(): HoldfastError {
  return new HoldfastError("store", "closed", "The store is closed", { statusCode: 503 });
}

export function blobTooLarge(maxBytes: number): HoldfastError {
  return new HoldfastError("store", "blob_too_large", `The object is larger than ${maxBytes} bytes`, {
    metadata: { maxBytes },
    statusCode: 413,
  });
}
