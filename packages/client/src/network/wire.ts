import {
  decodeJson,
  decodeValue,
  encodeJson,
  encodeValue,
  fromWireError,
  HoldfastError,
  limits,
  toWireError,
  type WireError,
} from "@holdfast/core";
import type { ClientFrame, Liveness, PreparedFrame, ResumeInfo, ServerFrame } from "../driver.ts";

/**
 * Frames on a WebSocket: docs/reference/wire.md. A frame is an array that starts with its number. A message is an
 * array of frames, so that frames that are ready together share a message. Frames are encoded separately and then
 * joined, so that one event is encoded once for all receivers.
 */

export type Encoding = "cbor" | "json";

/** Subprotocol that every connection offers. */
export const subprotocol = "holdfast.v1";

/** Prefix of the subprotocol that names the encoding of a connection. */
export const encodingPrefix = "holdfast.encoding.";

/** Prefix of the subprotocol that carries the parameters of a connection. */
export const paramsPrefix = "holdfast.params.";
/** Followed by the resume token, a dot, and the number of events received. */
export const resumePrefix = "holdfast.resume.";

/** Prefix of the subprotocol that carries a credential, as browsers cannot send headers with a WebSocket. */
export const tokenPrefix = "holdfast.token.";

/** Header names: docs/reference/wire.md. */
export const header = {
  idempotencyKey: "idempotency-key",
  params: "x-holdfast-conn-params",
  /** Encoding of the parameters, for requests whose body has another media type. */
  encoding: "x-holdfast-encoding",
  /** Credential of a client. On a WebSocket it is the subprotocol `holdfast.token.` and its base64url. */
  token: "x-holdfast-token",
  /** "true": also reaches an actor in the grace period of its stop. */
  skipReadyWait: "x-holdfast-skip-ready-wait",
  /** Origin that the actor sees in a raw request, instead of the server's. */
  requestOrigin: "x-holdfast-request-origin",
  /** `group.code` of an error that did not come from the actor's own code. */
  error: "x-holdfast-error",
} as const;

/** Media type of each encoding. */
export const contentType: Readonly<Record<Encoding, string>> = {
  cbor: "application/cbor",
  json: "application/json",
};

/** Frame numbers. Published numbers never change meaning. */
const frameNumber = {
  init: 0,
  call: 1,
  result: 1,
  cancel: 2,
  error: 2,
  subscribe: 3,
  event: 3,
  unsubscribe: 4,
  ping: 5,
  pong: 6,
  credit: 6,
  send: 7,
  gap: 7,
  stream: 8,
  chunk: 9,
} as const;

/** Levels around a value: the array of frames, the frame, and its list of arguments. */
const wrapperDepth = 3;
/** Deepest output of `encodeValue`, plus the levels around it. */
export const trustedDepth = 1_010;
const maxFrameDepth = limits.maxDepth + wrapperDepth;

/** Encodes plain data, nested at most `maxDepth` levels. Default: 1,000. */
export function encode(encoding: Encoding, value: unknown, maxDepth?: number): Uint8Array | string {
  const options = maxDepth === undefined ? undefined : { maxDepth };
  return encoding === "cbor" ? encodeValue(value, options) : encodeJson(value, options);
}

/** Encodes a caller's value. JSON also accepts class instances as plain data: see `encodeJson`. */
export function encodeCallerValue(
  encoding: Encoding,
  value: unknown,
  maxDepth?: number,
): Uint8Array | string {
  if (encoding === "cbor") return encode(encoding, value, maxDepth);
  return encodeJson(value, { instances: "plain", ...(maxDepth === undefined ? {} : { maxDepth }) });
}

/** Decodes the output of {@link encode}; JSON bytes are UTF-8. Throws `message.malformed_*`. */
export function decode(
  encoding: Encoding,
  data: Uint8Array | string,
  maxDepth: number = limits.maxDepth,
): unknown {
  if (encoding === "cbor") {
    if (typeof data === "string") throw malformed("a CBOR message is not binary");
    return decodeValue(data, { maxDepth });
  }
  return decodeJson(typeof data === "string" ? data : utf8(data), maxDepth);
}

const textDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const textEncoder = new TextEncoder();

function utf8(bytes: Uint8Array): string {
  try {
    return textDecoder.decode(bytes);
  } catch {
    throw new HoldfastError("message", "malformed_json", "The JSON input is malformed: it is not UTF-8");
  }
}

/** Encodes a client frame. */
export function prepareClientFrame(encoding: Encoding, frame: ClientFrame): PreparedFrame {
  // Rejected here on its own: the server would close the whole connection.
  return prepared(encodeCallerValue(encoding, clientTuple(frame), maxFrameDepth - 1));
}

/** Encodes a server frame. */
export function prepareServerFrame(encoding: Encoding, frame: ServerFrame): PreparedFrame {
  return prepared(encode(encoding, serverTuple(frame)));
}

/** Encodes a result whose value is already CBOR, copying its bytes. */
export function prepareResult(encoding: Encoding, id: number, value: Uint8Array): PreparedFrame {
  if (encoding === "json") {
    return prepared(encodeStored([frameNumber.result, id, decodeStored(value)]));
  }
  return withTail([0x83, frameNumber.result, ...unsigned(id)], value);
}

/** Encodes a chunk of a result that is already CBOR. */
export function prepareChunk(encoding: Encoding, id: number, value: Uint8Array): PreparedFrame {
  if (encoding === "json") return prepared(encodeStored([frameNumber.chunk, id, decodeStored(value)]));
  return withTail([0x83, frameNumber.chunk, ...unsigned(id)], value);
}

/** Encodes an event whose arguments are already CBOR. */
export function prepareEvent(encoding: Encoding, name: string, args: Uint8Array): PreparedFrame {
  if (encoding === "json") return prepared(encodeStored([frameNumber.event, name, decodeStored(args)]));
  return withTail([0x83, frameNumber.event, ...encodeValue(name)], args);
}

/** Encodes the body of an action's HTTP response. */
export function encodeOutput(encoding: Encoding, value: Uint8Array): Uint8Array | string {
  if (encoding === "json") return encodeStored({ output: decodeStored(value) });
  const body = new Uint8Array(outputHead.length + value.length);
  body.set(outputHead);
  body.set(value, outputHead.length);
  return body;
}

/** CBOR head of a map with one entry, and its key. */
const outputHead = new Uint8Array([0xa1, ...encodeValue("output")]);

/** Decodes data that this process encoded, with its own depth limit instead of the clients'. */
function decodeStored(value: Uint8Array): unknown {
  return decodeValue(value, { maxDepth: trustedDepth });
}

/** A value of the greatest allowed depth must still encode inside its frame. */
function encodeStored(value: unknown): string {
  return encodeJson(value, { maxDepth: trustedDepth });
}

function withTail(head: readonly number[], tail: Uint8Array): PreparedFrame {
  const data = new Uint8Array(head.length + tail.length);
  data.set(head);
  data.set(tail, head.length);
  return { data, size: data.length };
}

/** An unsigned integer (RFC 8949, section 3.1), below 2^53. */
function unsigned(value: number): readonly number[] {
  if (value < 24) return [value];
  if (value < 0x100) return [0x18, value];
  if (value < 0x1_0000) return [0x19, value >> 8, value & 0xff];
  return [...encodeValue(value)];
}

function prepared(data: Uint8Array | string): PreparedFrame {
  return { data, size: typeof data === "string" ? textEncoder.encode(data).length : data.length };
}

/** Joins frames to one message. */
export function joinFrames(frames: readonly PreparedFrame[]): Uint8Array | string {
  const first = frames[0];
  if (first !== undefined && typeof first.data === "string") {
    return `[${frames.map((frame) => frame.data).join(",")}]`;
  }
  return joinBytes(frames);
}

function joinBytes(frames: readonly PreparedFrame[]): Uint8Array {
  let size = 0;
  for (const frame of frames) size += frame.size;
  const head = arrayHead(frames.length);
  const message = new Uint8Array(head.length + size);
  message.set(head);
  let at = head.length;
  for (const { data } of frames) {
    if (typeof data === "string") throw malformed("text and binary frames are mixed");
    message.set(data, at);
    at += data.length;
  }
  return message;
}

/** The head of a CBOR array (RFC 8949, section 3.1). */
function arrayHead(length: number): readonly number[] {
  if (length < 24) return [0x80 | length];
  if (length < 0x100) return [0x98, length];
  if (length < 0x1_0000) return [0x99, length >> 8, length & 0xff];
  return [0x9a, (length >>> 24) & 0xff, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff];
}

function clientTuple(frame: ClientFrame): readonly unknown[] {
  switch (frame.type) {
    case "call":
      return [frameNumber.call, frame.id, frame.name, frame.args, frame.idempotencyKey];
    case "send":
      return [frameNumber.send, frame.id, frame.queue, frame.content, frame.idempotencyKey];
    case "cancel":
      return frame.idempotencyKey === undefined
        ? [frameNumber.cancel, frame.id]
        : [frameNumber.cancel, frame.id, frame.idempotencyKey];
    case "subscribe":
      return [frameNumber.subscribe, frame.event];
    case "unsubscribe":
      return [frameNumber.unsubscribe, frame.event];
    case "credit":
      return [frameNumber.credit, frame.id, frame.pieces];
    case "ping":
      return frame.received === undefined ? [frameNumber.ping] : [frameNumber.ping, frame.received];
  }
}

function serverTuple(frame: ServerFrame): readonly unknown[] {
  switch (frame.type) {
    case "init":
      return frame.resume === undefined
        ? [frameNumber.init, frame.version, frame.actorId, frame.connId]
        : [
            frameNumber.init,
            frame.version,
            frame.actorId,
            frame.connId,
            ...resumeTuple(frame.resume),
            ...livenessTuple(frame.liveness),
          ];
    case "result":
      return [frameNumber.result, frame.id, frame.value];
    case "error":
      return [frameNumber.error, frame.id ?? null, frame.error];
    case "event":
      return [frameNumber.event, frame.name, frame.args];
    case "gap":
      return [frameNumber.gap, frame.received];
    case "stream":
      return [frameNumber.stream, frame.id];
    case "chunk":
      return [frameNumber.chunk, frame.id, frame.value];
    case "pong":
      return [frameNumber.pong];
  }
}

function resumeTuple({ token, received, resumed }: ResumeInfo): readonly unknown[] {
  return [token, received, resumed];
}

function livenessTuple(liveness: Liveness | undefined): readonly unknown[] {
  return liveness === undefined ? [] : [liveness.intervalMs, liveness.timeoutMs];
}

/** Decodes a client's message. Throws `message.malformed_*`, `message.too_deep`. */
export function decodeClientMessage(encoding: Encoding, data: Uint8Array | string): readonly ClientFrame[] {
  return tuples(encoding, data).map(clientFrame);
}

/** Decodes a server's message. Throws `message.malformed_*`, `message.too_deep`. */
export function decodeServerMessage(encoding: Encoding, data: Uint8Array | string): readonly ServerFrame[] {
  return tuples(encoding, data, trustedDepth).map(serverFrame);
}

function tuples(
  encoding: Encoding,
  data: Uint8Array | string,
  maxDepth: number = maxFrameDepth,
): readonly (readonly unknown[])[] {
  const message = decode(encoding, data, maxDepth);
  if (!Array.isArray(message)) throw malformed("a message is not an array of frames");
  return message.map((frame: unknown) => {
    if (!Array.isArray(frame)) throw malformed("a frame is not an array");
    return frame;
  });
}

function clientFrame(tuple: readonly unknown[]): ClientFrame {
  switch (tuple[0]) {
    case frameNumber.call:
      return {
        type: "call",
        id: integer(tuple[1]),
        name: text(tuple[2]),
        args: list(tuple[3]),
        idempotencyKey: text(tuple[4]),
      };
    case frameNumber.send:
      return {
        type: "send",
        id: integer(tuple[1]),
        queue: text(tuple[2]),
        content: record(tuple[3]),
        idempotencyKey: text(tuple[4]),
      };
    case frameNumber.cancel:
      return {
        type: "cancel",
        id: integer(tuple[1]),
        ...(tuple[2] === undefined ? {} : { idempotencyKey: text(tuple[2]) }),
      };
    case frameNumber.subscribe:
      return { type: "subscribe", event: text(tuple[1]) };
    case frameNumber.unsubscribe:
      return { type: "unsubscribe", event: text(tuple[1]) };
    case frameNumber.credit:
      return { type: "credit", id: integer(tuple[1]), pieces: integer(tuple[2]) };
    case frameNumber.ping:
      return tuple[1] === undefined ? { type: "ping" } : { type: "ping", received: integer(tuple[1]) };
    default:
      throw malformed("a frame has an unknown number");
  }
}

function serverFrame(tuple: readonly unknown[]): ServerFrame {
  switch (tuple[0]) {
    case frameNumber.init:
      return {
        type: "init",
        version: integer(tuple[1]),
        actorId: text(tuple[2]),
        connId: text(tuple[3]),
        ...(tuple[4] === undefined
          ? {}
          : {
              resume: { token: text(tuple[4]), received: integer(tuple[5]), resumed: tuple[6] === true },
            }),
        ...(tuple[7] === undefined
          ? {}
          : { liveness: { intervalMs: integer(tuple[7]), timeoutMs: integer(tuple[8]) } }),
      };
    case frameNumber.result:
      return { type: "result", id: integer(tuple[1]), value: tuple[2] };
    case frameNumber.error:
      return {
        type: "error",
        id: tuple[1] === null ? undefined : integer(tuple[1]),
        error: wireError(tuple[2]),
      };
    case frameNumber.event:
      return { type: "event", name: text(tuple[1]), args: list(tuple[2]) };
    case frameNumber.gap:
      return { type: "gap", received: integer(tuple[1]) };
    case frameNumber.stream:
      return { type: "stream", id: integer(tuple[1]) };
    case frameNumber.chunk:
      return { type: "chunk", id: integer(tuple[1]), value: tuple[2] };
    case frameNumber.pong:
      return { type: "pong" };
    default:
      throw malformed("a frame has an unknown number");
  }
}

function wireError(value: unknown): WireError {
  if (typeof value !== "object" || value === null) throw malformed("an error is not an object");
  const { group, code, message } = value as Readonly<Record<string, unknown>>;
  text(group);
  text(code);
  text(message);
  return toWireError(fromWireError(value));
}

function integer(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw malformed("a number is missing");
}

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw malformed("a string is missing");
}

function list(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw malformed("a list is missing");
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

/** Encodes connection parameters for a header or a subprotocol, as base64url. */
export function encodeParams(encoding: Encoding, params: unknown): string {
  const data = encodeCallerValue(encoding, params);
  const bytes = typeof data === "string" ? textEncoder.encode(data) : data;
  if (bytes.length > limits.maxConnParamsBytes) {
    throw new HoldfastError(
      "message",
      "params_too_long",
      `Connection parameters are longer than ${limits.maxConnParamsBytes} bytes`,
    );
  }
  return base64url(bytes);
}

/** The inverse of {@link encodeParams}. Throws `message.malformed_params`, `message.params_too_long`. */
export function decodeParams(encoding: Encoding, encoded: string): unknown {
  if (encoded.length > Math.ceil((limits.maxConnParamsBytes * 4) / 3)) {
    throw new HoldfastError(
      "message",
      "params_too_long",
      `Connection parameters are longer than ${limits.maxConnParamsBytes} bytes`,
    );
  }
  return decode(encoding, fromBase64url(encoded));
}

function base64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Throws `message.malformed_params`. */
export function fromBase64url(encoded: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(encoded.replaceAll("-", "+").replaceAll("_", "/"));
  } catch {
    throw new HoldfastError("message", "malformed_params", "Connection parameters are not base64url");
  }
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
