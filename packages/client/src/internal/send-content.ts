import { HoldfastError } from "@holdfast/core";
import type { DriverSendReply, SendContent } from "../driver.ts";

/** Drops undefined fields, except `body`: a body of `undefined` is a body. */
export function definedFields(content: SendContent): Readonly<Record<string, unknown>> {
  const entries = Object.entries(content).filter(([name, value]) => name === "body" || value !== undefined);
  return Object.fromEntries(entries);
}

/** Parses the reply to a send. Throws `message.malformed_response`. */
export function sendReply(reply: Readonly<Record<string, unknown>>): DriverSendReply {
  const { status, response } = reply;
  if (status === "timedOut") return { status };
  if (status === "completed") return response === undefined ? { status } : { status, response };
  throw new HoldfastError("message", "malformed_response", "The server's reply to a send has no status");
}
