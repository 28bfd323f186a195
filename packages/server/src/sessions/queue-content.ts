import type { SendCall } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";

/** The request for a message: `{ body, wait?, timeout?, resume?, delayMs?, priority?, ttlMs?, dedupeKey? }`. */
export type Content = Pick<SendCall, "body" | "wait" | "timeoutMs" | "resumes" | "options">;

/** Longer delays overflow the timers of common runtimes. */
const maxWaitMs = 2_147_483_647;

/** Throws `message.malformed_request`. */
export function contentOf(content: Readonly<Record<string, unknown>>): Content {
  const { body, wait, timeout, resume, delayMs, priority, ttlMs, dedupeKey } = content;
  if (wait !== undefined && wait !== null && typeof wait !== "boolean")
    throw malformedContent("`wait` is not a boolean");
  if (timeout !== undefined && timeout !== null && !(typeof timeout === "number" && timeout >= 0)) {
    throw malformedContent("`timeout` is not a number of milliseconds");
  }
  return {
    body,
    wait: wait === true,
    timeoutMs: typeof timeout === "number" ? Math.min(timeout, maxWaitMs) : undefined,
    resumes: resume === true,
    options: { delayMs, priority, ttlMs, dedupeKey },
  };
}

export function malformedContent(why: string): HoldfastError {
  return new HoldfastError("message", "malformed_request", `The request to the queue is malformed: ${why}`);
}
