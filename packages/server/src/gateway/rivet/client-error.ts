import { contentType, decode, trustedDepth } from "@holdfast/client";
import { fromWireError, HoldfastError, toWireError, type WireError } from "@holdfast/core";

export const problemType = "application/problem+json";

/**
 * Nothing ran, and the next attempt may succeed: these clients repeat a request, and open a connection again, after an
 * error of their own gateway, whose name it gets.
 */
const repeatable: ReadonlySet<string> = new Set([
  "gateway.shutting_down",
  "actor.moved",
  "cluster.node_lost",
]);
const unavailable = { group: "guard", code: "service_unavailable" } as const;

/** The error under the name that these clients know. */
export function clientError(error: WireError): WireError {
  return repeatable.has(`${error.group}.${error.code}`) ? { ...error, ...unavailable } : error;
}

/** As {@link clientError}, the reason of a close, `group.code`. */
export function clientReason(reason: string): string {
  return repeatable.has(reason) ? `${unavailable.group}.${unavailable.code}` : reason;
}

/** The error in the body of one of our own answers; undefined if it has none. */
export function errorOf(type: string | undefined, body: Uint8Array | string): WireError | undefined {
  try {
    if (type === contentType.cbor) return toWireError(fromWireError(decode("cbor", body, trustedDepth)));
    if (type === problemType) return toWireError(fromWireError(decode("json", body, trustedDepth)));
  } catch {
    // The answer of user code.
  }
  return undefined;
}

/** A result that arrives in parts, for which these clients have no frame. */
export function streamUnsupported(): HoldfastError {
  const message =
    "The result of this action is a stream, which this client cannot read. Use the client of holdfast";
  return new HoldfastError("action", "stream_unsupported", message, { statusCode: 501 });
}
