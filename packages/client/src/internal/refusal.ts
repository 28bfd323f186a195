import { HoldfastError, isErrorCode } from "@holdfast/core";

/** The actor has called `conn.disconnect()` and said no more. */
export function isPlainDisconnect(error: HoldfastError): boolean {
  return isErrorCode(error, "conn", "disconnected");
}

/** Why a connection was never open: where `onConnect` has ended it without an error, nothing else is known. */
export function refusalOf(error: HoldfastError): HoldfastError {
  if (!isPlainDisconnect(error)) return error;
  const message = `Failed to open connection: ${error.message}`;
  const metadata = { error: error.message };
  return new HoldfastError("client", "connection_open_failed", message, { metadata, cause: error });
}

export function disposedError(): HoldfastError {
  return new HoldfastError("conn", "disposed", "The connection was disposed of");
}

export function connectionLost(): HoldfastError {
  return new HoldfastError("conn", "stream_interrupted", "The connection was lost before the stream ended");
}

/** What the reader of a result in pieces hears when its caller has cancelled the call. */
export function callCancelled(reason: unknown): HoldfastError {
  return new HoldfastError("action", "aborted", "The call was cancelled", { statusCode: 499, cause: reason });
}
