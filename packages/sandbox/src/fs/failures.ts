import { isHoldfastError } from "@holdfast/core";
import { invalid, problem } from "../http/problem.ts";
import type { Handler } from "../http/router.ts";

const badRequests = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "EINVAL", "ENXIO"]);

/** Maps system errors as the peer does: 400 for mistakes of the caller, else 502. */
function toProblem(error: unknown): unknown {
  if (isHoldfastError(error)) return error;
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  if (error.code === "ERR_STREAM_PREMATURE_CLOSE" || error.code === "ECONNRESET") {
    return invalid("the request body ended early");
  }
  const text = `${error.code}: ${reasons[error.code] ?? "the operation failed"}`;
  return badRequests.has(error.code) ? invalid(text) : operationFailed(text);
}

/** Wraps a handler so that its system errors are mapped by {@link toProblem}. */
export function withSystemErrors(handler: Handler): Handler {
  return async (exchange) => {
    try {
      await handler(exchange);
    } catch (error) {
      if (exchange.signal.aborted && !exchange.response.headersSent) {
        // The client has disconnected.
        exchange.response.destroy();
        return;
      }
      throw toProblem(error);
    }
  };
}

/** Error for a file operation that the system refused. */
export function operationFailed(text: string): Error {
  return problem("stream_error", 502, text, { details: { message: text } });
}

/** Texts for callers, because the messages of system errors contain internal paths. */
const reasons: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  ENOTDIR: "not a directory",
  ELOOP: "too many levels of symbolic links",
  ENAMETOOLONG: "file name too long",
  EACCES: "permission denied",
  EPERM: "operation not permitted",
  ENOTEMPTY: "directory not empty",
  EEXIST: "file exists",
  ENOSPC: "no space left on device",
  EDQUOT: "disk quota exceeded",
  EROFS: "read-only file system",
  EISDIR: "is a directory",
  EXDEV: "source and destination are on different file systems",
  EMFILE: "too many open files",
};
