/** Errors of a host in Durable Objects. */
import { HoldfastError } from "@holdfast/core";

/** For what one object cannot do, or what needs a computer. */
export function notSupported(what: string, cure: string): HoldfastError {
  const message = `${what} is not available on Durable Objects. ${cure}`;
  return new HoldfastError("gateway", "not_supported", message, { statusCode: 501 });
}

export function invalidConfig(message: string): HoldfastError {
  return new HoldfastError("gateway", "invalid_config", message);
}

export function fenced(actorId: string): HoldfastError {
  const message = "Another owner has taken over this actor";
  return new HoldfastError("actor", "fenced", message, { metadata: { actorId } });
}

export function duplicateKey(): HoldfastError {
  return new HoldfastError("actor", "duplicate_key", "An actor with this name and key exists already");
}

export function notFound(actorId: string): HoldfastError {
  const message = "The actor does not exist or was destroyed";
  return new HoldfastError("actor", "not_found", message, { metadata: { actorId } });
}

export function invalidCommit(message: string): HoldfastError {
  return new HoldfastError("store", "invalid_commit", message);
}

/** The typed error for a statement that failed; other errors stay as they are. */
export function mapSqlError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  if (/SQLITE_FULL|database or disk is full/.test(error.message)) {
    return new HoldfastError("store", "full", "The storage of the object is full", { cause: error });
  }
  if (/SQLITE_TOOBIG|string or blob too big/.test(error.message)) {
    const message = "A value is larger than the storage can keep";
    return new HoldfastError("store", "too_large", message, { cause: error, statusCode: 413 });
  }
  return error;
}
