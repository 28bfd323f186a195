import { getSystemErrorMap } from "node:util";
import { HoldfastError } from "@holdfast/core";

/** What the system says of an error of its own, in words; undefined for any other. */
function saidBySystem(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("syscall" in error && "errno" in error && typeof error.errno === "number")
    return getSystemErrorMap().get(error.errno)?.[1] ?? error.message;
  return "code" in error && error.code === "ERR_SQLITE_ERROR" ? error.message : undefined;
}

/** `group.unavailable` where the system refused to write `what`, as on a full disk; any other error as it is. */
export function toWriteError(error: unknown, group: string, what: string): unknown {
  const said = saidBySystem(error);
  if (said === undefined) return error;
  const message = `${what} cannot be written, and nothing was changed: ${said}`;
  return new HoldfastError(group, "unavailable", message, { statusCode: 503, cause: error });
}
