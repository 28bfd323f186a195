import { HoldfastError } from "@holdfast/core";
import { clientLimits } from "../limits.ts";
import { base64urlText } from "./raw-network.ts";
import { fromBase64url } from "./wire.ts";

/**
 * Events that a connection subscribes to in its handshake. Subscribe frames could only follow the server's first
 * frame, and would miss what is sent in between.
 */

/** Prefix of the subprotocol, before the output of `encodeEarlyEvents`. */
export const eventsPrefix = "holdfast.events.";

/** As many of the first names as fit a handshake. */
export function selectEarlyEvents(names: Iterable<string>): string[] {
  const early: string[] = [];
  let size = "[]".length;
  for (const name of names) {
    size += textEncoder.encode(JSON.stringify(name)).length + ",".length;
    if (size > clientLimits.maxEarlyEventsBytes) break;
    early.push(name);
  }
  return early;
}

export function encodeEarlyEvents(names: readonly string[]): string {
  return base64urlText(JSON.stringify(names));
}

/** The inverse of {@link encodeEarlyEvents}. Throws `message.malformed_frame`. */
export function decodeEarlyEvents(encoded: string): readonly string[] {
  const names = parseList(encoded);
  if (names?.every((name) => typeof name === "string")) return [...new Set(names)];
  const message = "The events of a handshake must be a list of names";
  throw new HoldfastError("message", "malformed_frame", message);
}

function parseList(encoded: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(fromBase64url(encoded)));
    return Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const textEncoder = new TextEncoder();
