import { HoldfastError, isErrorCode } from "@holdfast/core";

/** True when the actor called `conn.disconnect()` without a reason. */
export function isPlainDisconnect(error: HoldfastError): boolean {
  return isErrorCode(error, "conn", "disconnected");
}

/** Error of a connection that never opened because `onConnect` disconnected it without a reason. */
export function openFailedError(error: HoldfastError): HoldfastError {
  if (!isPlainDisconnect(error)) return error;
  const message = `Failed to open connection: ${error.message}`;
  const metadata = { error: error.message };
  return new HoldfastError("client", "connection_open_failed", message, { metadata, cause: error });
}

export function disposedError(): HoldfastError {
  return new HoldfastError("conn", "disposed", "The connection was disposed");
}

export function connectionLost(): HoldfastError {
  return new HoldfastError("conn", "stream_interrupted", "The connection was lost before the stream ended");
}

/** Error for the reader of a streamed result whose call was cancelled. */
export function callCancelled(reason: unknown): HoldfastError {
  return new HoldfastError("action", "aborted", "The call was cancelled", { statusCode: 499, cause: reason });
}
