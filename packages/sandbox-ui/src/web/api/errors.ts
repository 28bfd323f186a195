import { isHoldfastError } from "@holdfast/core";
import type { ErrorWords } from "@holdfast/web-parts/errors";

/** The server wants a token, or another one. */
export function isSignedOut(error: unknown): boolean {
  return isHoldfastError(error) && error.statusCode === 401;
}

export function isUnreachable(error: unknown): boolean {
  return isHoldfastError(error) && error.code === "unreachable";
}

/** The sandbox of a task went with its agent, and comes back with it. */
export function isEnded(error: unknown): boolean {
  return isHoldfastError(error) && error.code === "sandbox_not_running";
}

/** The server means no, or cannot. One that is out of order for a moment, or behind a proxy that is, may answer later. */
export function isRefusal(error: unknown): boolean {
  if (!isHoldfastError(error) || error.code === "unreachable" || isEnded(error)) return false;
  return error.statusCode < 500 || error.statusCode === 501;
}

/** What is asked for is not there, or not any more. */
export function isGone(error: unknown): boolean {
  return isHoldfastError(error) && error.statusCode === 404;
}

/** Somebody else changed the file, or it is there already. */
export function isOutdated(error: unknown): boolean {
  return isHoldfastError(error) && error.statusCode === 412;
}

/** An error in words for people, with what to do next. The code is shown apart, for the documentation. */
export function errorWords(error: unknown): ErrorWords {
  if (isSignedOut(error)) {
    return { title: "The server asks for its token.", next: "It was printed when the server started." };
  }
  if (isUnreachable(error)) {
    return { title: "The server does not answer.", next: "This page tries again by itself." };
  }
  if (isHoldfastError(error)) return { title: `${error.message}.`.replace(/([.!?])\.$/, "$1"), next: "" };
  return { title: error instanceof Error ? error.message : String(error), next: "" };
}
