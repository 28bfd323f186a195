import { getSystemErrorMap } from "node:util";
import { HoldfastError } from "@holdfast/core";

/** The description of an error of the operating system or SQLite; undefined for any other error. */
function systemMessage(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("syscall" in error && "errno" in error && typeof error.errno === "number")
    return getSystemErrorMap().get(error.errno)?.[1] ?? error.message;
  return "code" in error && error.code === "ERR_SQLITE_ERROR" ? error.message : undefined;
}

/** Turns a failed write of `what`, for example on a full disk, into `<group>.unavailable`; gives other errors unchanged. */
export function toWriteError(error: unknown, group: string, what: string): unknown {
  const reason = systemMessage(error);
  if (reason === undefined) return error;
  const message = `${what} cannot be written, and nothing was changed: ${reason}`;
  return new HoldfastError(group, "unavailable", message, { statusCode: 503, cause: error });
}
