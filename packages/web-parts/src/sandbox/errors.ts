import { isHoldfastError } from "@holdfast/core";

export function isUnreachable(error: unknown): boolean {
  return isHoldfastError(error) && error.code === "unreachable";
}

/** True if the sandbox of a task has stopped with its agent; both start again with the next prompt. */
export function isSandboxStopped(error: unknown): boolean {
  return isHoldfastError(error) && error.code === "sandbox_not_running";
}

/** True if retrying is useless. A server or proxy that is temporarily unavailable may respond later. */
export function isPermanentRefusal(error: unknown): boolean {
  if (!isHoldfastError(error) || error.code === "unreachable" || isSandboxStopped(error)) return false;
  return error.statusCode < 500 || error.statusCode === 501;
}

/** True if the requested resource does not exist. */
export function isNotFound(error: unknown): boolean {
  return isHoldfastError(error) && error.statusCode === 404;
}

/** True if the file was changed by someone else, or exists already. */
export function isConflict(error: unknown): boolean {
  return isHoldfastError(error) && error.statusCode === 412;
}
