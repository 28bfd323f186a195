/** Parts of the store that all its rooms use: errors, keys, rows. */
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { ConnectionLost, duplicateKey, type Failure } from "@holdfast/store-kit";

/** The word with which an error of the server begins: `OOM`, `NOSCRIPT`, `ERR`; undefined for any other error. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== "ReplyError") return undefined;
  return /^-?([A-Z]+)\b/.exec(error.message)?.[1] ?? "ERR";
}

export function failureOf(error: unknown): Failure {
  if (error instanceof ConnectionLost) return "lost";
  switch (replyCode(error)) {
    case "FENCED":
      return "fence";
    case "NOSCRIPT":
      return "unprepared";
    case "BUSY":
      return "conflict";
    // It starts, or has become a replica: another attempt may reach the primary.
    case "LOADING":
    case "READONLY":
    case "MASTERDOWN":
    case "CLUSTERDOWN":
      return "lost";
    case "ERR":
      // Only a script that has written nothing can be killed.
      return /SCRIPT KILL/.test((error as Error).message) ? "conflict" : "final";
    default:
      return "final";
  }
}

/** Maps the error of a turn or read that changed nothing to a typed error. */
export function mapServerError(error: unknown): unknown {
  if (isHoldfastError(error)) return error;
  if (error instanceof ConnectionLost) return unavailable(error.cause);
  const code = replyCode(error);
  if (code === undefined) return error;
  // Turns settle why their fence has failed; anything else that has one makes an actor.
  if (code === "FENCED") return duplicateKey();
  const options = { cause: error, metadata: { reply: code } };
  if (code === "OOM") {
    const message =
      "The memory of the server is full (maxmemory); nothing was written. Raise maxmemory or remove data, then retry";
    return new HoldfastError("store", "full", message, options);
  }
  if (code === "WRONGTYPE") {
    const message =
      "A key of the store has a type that Holdfast has not given it: another program has changed it. Restore a backup of the server";
    return new HoldfastError("store", "corrupt", message, options);
  }
  // A fault of a script is one of this package, not of the server.
  return code === "ERR" && /user_script/.test((error as Error).message) ? error : unavailable(error);
}

export function unavailable(cause: unknown): HoldfastError {
  const reason = reasonOf(cause);
  const reply = replyCode(cause);
  return new HoldfastError(
    "store",
    "unavailable",
    `The server cannot be used${reason === "" ? "" : `: ${reason}`}. Nothing was written. ${adviceFor(cause)}`,
    { cause, ...(reply === undefined ? {} : { metadata: { reply } }) },
  );
}

export function tooLarge(size: number, maxBytes: number): HoldfastError {
  const message = `A turn of ${size} bytes is larger than this store accepts (${maxBytes}); nothing was written. Split it`;
  return new HoldfastError("store", "too_large", message, { metadata: { size, maxBytes }, statusCode: 413 });
}

export function invalidOptions(message: string): HoldfastError {
  return new HoldfastError("store", "invalid_options", message, { statusCode: 400 });
}

/** A name with several addresses fails with one error for each, and a message of its own that is empty. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return [...new Set(cause.errors.map(reasonOf))].join(", ");
  return cause instanceof Error ? cause.message.replace(/[.\s]+$/, "") : "";
}

/** What to do about it, by the word of the server or the code of a network error. */
function adviceFor(cause: unknown): string {
  switch (replyCode(cause)) {
    case "NOAUTH":
    case "WRONGPASS":
      return "Check the user and the password in the URL of the store";
    case "NOPERM":
      return "Let the user run all commands on the keys of the store, for example with ACL SETUSER <user> +@all ~*";
    case "READONLY":
    case "MASTERDOWN":
      return "It is a replica: name the primary in the URL of the store";
    case "MOVED":
    case "ASK":
    case "CROSSSLOT":
    case "CLUSTERDOWN":
      return "It is a node of a Redis Cluster that does not serve the keys of the store: name the one that does, or a server of its own";
    case "MISCONF":
      return "It refuses writes because it cannot save to its disk: free space there, then retry";
    case "NOREPLICAS":
      return "It refuses writes without enough replicas (min-replicas-to-write): start them, then retry";
    case "LOADING":
      return "It still loads its data: retry later";
    case "BUSY":
      return "A script of another program holds it up: end that with SCRIPT KILL, then retry";
    default:
      return networkAdvice(cause);
  }
}

function networkAdvice(cause: unknown): string {
  const error: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  switch (error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined) {
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "Correct the host in the URL of the store, or the name server of this machine";
    case "ECONNREFUSED":
      return "Check that it runs and listens at this address, then retry";
    default:
      return "Check that it runs and accepts this user, then retry";
  }
}
