import { isHoldfastError } from "@holdfast/core";
import type { ErrorText } from "@holdfast/web-parts/errors";
import { isUnreachable } from "@holdfast/web-parts/sandbox";

/** True if the server requires a token, or another one. */
export function isSignedOut(error: unknown): boolean {
  return isHoldfastError(error) && error.statusCode === 401;
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
