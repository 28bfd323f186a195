import { HoldfastError, type WireError } from "@holdfast/core";
import * as bareCodec from "./bare.ts";
import { errorFields } from "./frames.ts";
import type { QueueBody } from "./messages.ts";
import { decodeCbor, decodeText, encodeCbor, encodeText, type RivetEncoding } from "./values.ts";

/** The encoding of a body and, in BARE, its version. */
export interface BodyWire {
  readonly encoding: RivetEncoding;
  readonly version: number;
}

/** The media type of bodies. */
export function mediaType(encoding: RivetEncoding): string {
  return encoding === "json" ? "application/json" : "application/octet-stream";
}

/** The body of a call, as `{ args }`, and its version. */
export function decodeCall(
  encoding: RivetEncoding,
  bytes: Uint8Array,
): bareCodec.Versioned<{ readonly args: readonly unknown[] }> {
  const { version, value } =
    encoding === "bare" ? bareCodec.decodeCallBody(bytes) : decodeArgs(encoding, bytes);
  const args = value ?? [];
  // A client in another language may send one argument without a list.
  return { version, value: { args: Array.isArray(args) ? args : [args] } };
}

function decodeArgs(encoding: "json" | "cbor", bytes: Uint8Array): bareCodec.Versioned<unknown> {
  return {
    version: bareCodec.latestVersion,
    value: bytes.length === 0 ? [] : record(encoding, bytes)["args"],
  };
}

/** The body of a message for a queue, and its version. */
export function decodeQueueBody(encoding: RivetEncoding, bytes: Uint8Array): bareCodec.Versioned<QueueBody> {
  if (encoding === "bare") return bareCodec.decodeQueueBody(bytes);
  const { body, wait, timeout } = record(encoding, bytes);
  const isValid =
    (wait === undefined || wait === null || typeof wait === "boolean") &&
    (timeout === undefined || timeout === null || typeof timeout === "number");
  if (!isValid) throw malformed("`wait` is a boolean and `timeout` a number");
  const value = {
    body,
    ...(typeof wait === "boolean" ? { wait } : {}),
    ...(typeof timeout === "number" ? { timeout } : {}),
  };
  return { version: bareCodec.latestVersion, value };
}

export function encodeCallReply({ encoding, version }: BodyWire, output: unknown): Uint8Array | string {
  if (encoding === "bare") return bareCodec.encodeCallReply(version, output);
  return encode(encoding, { output });
}

export function encodeQueueReply(
  { encoding, version }: BodyWire,
  status: string,
  response: unknown,
): Uint8Array | string {
  if (encoding === "bare") return bareCodec.encodeQueueReply(version, status, response);
  return encode(encoding, response === undefined ? { status } : { status, response });
}

export function encodeErrorBody({ encoding, version }: BodyWire, error: WireError): Uint8Array | string {
  return encoding === "bare" ? bareCodec.encodeError(version, error) : encode(encoding, errorFields(error));
}

function encode(encoding: "json" | "cbor", value: unknown): Uint8Array | string {
  return encoding === "cbor" ? encodeCbor(value) : encodeText(value);
}

function record(encoding: "json" | "cbor", bytes: Uint8Array): Readonly<Record<string, unknown>> {
  const value = encoding === "cbor" ? decodeCbor(bytes) : decodeText(Buffer.from(bytes).toString("utf8"));
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw malformed("it is not an object");
}

function malformed(why: string): HoldfastError {
  return new HoldfastError("message", "malformed_request", `The body of the request is malformed: ${why}`);
}
