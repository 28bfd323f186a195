import { isHoldfastError } from "@holdfast/core";
import type { ErrorText } from "@holdfast/web-parts/errors";

/** True if the server requires a token, or another one. */
export function isSignedOut(error: unknown): boolean {
  return isHoldfastError(error) && error.statusCode === 401;
}

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

/** An error as text for people, with what to do next. The code is shown separately, for the documentation. */
export function describeError(error: unknown): ErrorText {
  if (isSignedOut(error)) {
    return { title: "The server requires a token.", next: "The server prints it when it starts." };
  }
  if (isUnreachable(error)) {
    return { title: "The server does not answer.", next: "This page retries automatically." };
  }
  if (isHoldfastError(error)) return { title: `${error.message}.`.replace(/([.!?])\.$/, "$1"), next: "" };
  return { title: error instanceof Error ? error.message : String(error), next: "" };
}
