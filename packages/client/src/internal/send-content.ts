import { HoldfastError } from "@holdfast/core";
import type { DriverSendReply, SendContent } from "../driver.ts";

/** What is said, without what is left open: a body of `undefined` is a body. */
export function definedFields(content: SendContent): Readonly<Record<string, unknown>> {
  const entries = Object.entries(content).filter(([name, value]) => name === "body" || value !== undefined);
  return Object.fromEntries(entries);
}

/** Reads the answer to a send. Throws `message.malformed_response`. */
export function sendReply(reply: Readonly<Record<string, unknown>>): DriverSendReply {
  const { status, response } = reply;
  if (status === "timedOut") return { status };
  if (status === "completed") return response === undefined ? { status } : { status, response };
  throw new HoldfastError("message", "malformed_response", "The server's answer to a send has no status");
}
