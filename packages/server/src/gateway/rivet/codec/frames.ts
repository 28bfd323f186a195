import { HoldfastError, type WireError } from "@holdfast/core";
import * as bareCodec from "./bare.ts";
import { keyText } from "./key-text.ts";
import type { ClientMessage, ServerMessage } from "./messages.ts";
import { decodeCbor, decodeText, encodeCbor, encodeText, type RivetEncoding } from "./values.ts";

/**
 * Decodes a frame of a connection: in BARE with its version, otherwise `{ body: { tag, val } }`. Throws
 * `message.malformed_*`, `message.unsupported_version`, `message.too_deep`.
 */
export function decodeFrame(
  encoding: RivetEncoding,
  data: Uint8Array,
  isBinary: boolean,
): bareCodec.Versioned<ClientMessage> {
  if (isBinary === (encoding === "json")) {
    throw malformed(`a message in ${encoding} is ${isBinary ? "text" : "binary"}`);
  }
  if (encoding === "bare") return bareCodec.decodeFrame(data);
  const message = encoding === "cbor" ? decodeCbor(data) : decodeText(Buffer.from(data).toString("utf8"));
  const { tag, val } = record(record(message)["body"]);
  const content = record(val);
  if (tag === "SubscriptionRequest") {
    const { eventName, subscribe } = content;
    if (typeof eventName !== "string" || typeof subscribe !== "boolean")
      throw malformed("a field is missing");
    return { version: bareCodec.latestVersion, value: { tag, eventName, subscribe } };
  }
  if (tag !== "ActionRequest") throw malformed("a frame is of an unknown kind");
  const { id, name, args } = content;
  if (typeof name !== "string") throw malformed("a field is missing");
  return { version: bareCodec.latestVersion, value: { tag, id: idOf(id), name, args } };
}

/** Encodes a frame of a connection; `version` matters in BARE only. */
export function encodeFrame(
  encoding: RivetEncoding,
  version: number,
  message: ServerMessage,
): Uint8Array | string {
  if (encoding === "bare") return bareCodec.encodeFrame(version, message);
  const body = { body: { tag: message.tag, val: contentOf(message) } };
  return encoding === "cbor" ? encodeCbor(body) : encodeText(body);
}

/** The fields of an error as these clients read them. */
export function errorFields({ group, code, message, metadata, actor }: WireError): Record<string, unknown> {
  return {
    ...{ group, code, message },
    ...(metadata === undefined ? {} : { metadata }),
    ...(actor === undefined ? {} : { actor: actorFields(actor) }),
  };
}

function actorFields({ actorId, generation, key }: NonNullable<WireError["actor"]>): Record<string, unknown> {
  return { actorId, generation, ...(key === undefined ? {} : { key: keyText(key) }) };
}

function contentOf(message: ServerMessage): Record<string, unknown> {
  if (message.tag === "Error") return { ...errorFields(message.error), actionId: message.actionId };
  const { tag: _, ...content } = message;
  return content;
}

function idOf(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number" && Number.isSafeInteger(value)) return BigInt(value);
  throw malformed("the number of a call is missing");
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>;
  }
  throw malformed("an object is missing");
}

function malformed(why: string): HoldfastError {
  return new HoldfastError("message", "malformed_frame", `The message is malformed: ${why}`);
}
