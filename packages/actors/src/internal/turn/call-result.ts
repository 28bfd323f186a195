import { decodeValue, encodeValue, fromWireError, HoldfastError, toWireError } from "@holdfast/core";
import { maxStoredDepth } from "../util/stored-depth.ts";

/**
 * The recorded outcome of a keyed call, format 1: a format byte, a byte for success or failure, then the CBOR of the
 * result or of `{ error, statusCode }`. Golden files pin it.
 */
const format = 1;
const succeeded = 0;
const failed = 1;

export type CallOutcome =
  | { readonly type: "result"; readonly bytes: Uint8Array }
  | { readonly type: "error"; readonly error: HoldfastError };

export function encodeOutcome(outcome: CallOutcome): Uint8Array {
  const body =
    outcome.type === "result"
      ? outcome.bytes
      : encodeValue({ error: toWireError(outcome.error), statusCode: outcome.error.statusCode });
  const bytes = new Uint8Array(body.length + 2);
  bytes[0] = format;
  bytes[1] = outcome.type === "result" ? succeeded : failed;
  bytes.set(body, 2);
  return bytes;
}

/** Throws `store.unknown_format`. */
export function decodeOutcome(bytes: Uint8Array): CallOutcome {
  if (bytes[0] !== format) {
    throw new HoldfastError("store", "unknown_format", `A call record has format ${bytes[0] ?? "none"}`);
  }
  const body = bytes.slice(2);
  if (bytes[1] === succeeded) return { type: "result", bytes: body };
  const { error, statusCode } = decodeValue(body, { maxDepth: maxStoredDepth }) as {
    readonly error?: unknown;
    readonly statusCode?: unknown;
  };
  return { type: "error", error: fromWireError(error, typeof statusCode === "number" ? statusCode : 500) };
}
