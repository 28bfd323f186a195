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
 * Frames as they cross a WebSocket: docs/reference/wire.md. A frame is an array that starts with its
 * number; a message is an array of frames, so that what is ready at one time is sent as one message.
 * Frames are encoded by themselves and joined, so that one event is encoded once for all receivers.
 */

export type Encoding = "cbor" | "json";

/** The subprotocol that every connection asks for. */
export const subprotocol = "holdfast.v1";

/** Of the subprotocol that names the encoding of a connection. */
export const encodingPrefix = "holdfast.encoding.";

/** Of the subprotocol that carries the parameters of a connection. */
export const paramsPrefix = "holdfast.params.";
/** Then the token of the connection that was lost, a dot, and how many of its events have come. */
export const resumePrefix = "holdfast.resume.";

/** Of the subprotocol that carries a credential, since a browser sends no header of its own. */
export const tokenPrefix = "holdfast.token.";

/** Headers by what they carry: docs/reference/wire.md. */
export const header = {
  idempotencyKey: "idempotency-key",
  params: "x-holdfast-conn-params",
  /** The encoding of the parameters, where the body is not ours to speak for it. */
  encoding: "x-holdfast-encoding",
  /** What a client has to show; on a WebSocket, `holdfast.token.` and its base64url as a subprotocol. */
  token: "x-holdfast-token",
  /** "true": also reaches an actor in the grace of its stop. */
  skipReadyWait: "x-holdfast-skip-ready-wait",
  /** The origin that a raw request shows to the actor instead of the server's. */
  requestOrigin: "x-holdfast-request-origin",
  /** `group.code` of an error that is not the actor's own answer. */
  error: "x-holdfast-error",
} as const;

/** The media type of each encoding. */
export const contentType: Readonly<Record<Encoding, string>> = {
  cbor: "application/cbor",
  json: "application/json",
};

/** Frame numbers. Published numbers never change meaning. */
const number = {
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

/** The array around the frames, the frame, and its list of arguments. */
const wrapperDepth = 3;
/** What `encodeValue` may produce at most, with room for what is around it. */
export const trustedDepth = 1_010;
const maxFrameDepth = limits.maxDepth + wrapperDepth;

/** Encodes plain data, nested `maxDepth` deep at the most; 1,000 unless given. */
export function encode(encoding: Encoding, value: unknown, maxDepth?: number): Uint8Array | string {
  const options = maxDepth === undefined ? undefined : { maxDepth };
  return encoding === "cbor" ? encodeValue(value, options) : encodeJson(value, options);
}

/** Encodes what a caller gives. As JSON it may hold instances of classes, as plain data: see `encodeJson`. */
export function encodeGiven(encoding: Encoding, value: unknown, maxDepth?: number): Uint8Array | string {
  if (encoding === "cbor") return encode(encoding, value, maxDepth);
  return encodeJson(value, { instances: "plain", ...(maxDepth === undefined ? {} : { maxDepth }) });
}

/** Decodes what {@link encode} gave; bytes of JSON are UTF-8. Throws `message.malformed_*`. */
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

/** Encodes a frame of a client. */
export function prepareClientFrame(encoding: Encoding, frame: ClientFrame): PreparedFrame {
  // What the server would refuse takes the connection with it: it is refused here, by itself.
  return prepared(encodeGiven(encoding, clientTuple(frame), maxFrameDepth - 1));
}

/** Encodes a frame of a server. */
export function prepareServerFrame(encoding: Encoding, frame: ServerFrame): PreparedFrame {
  return prepared(encode(encoding, serverTuple(frame)));
}

/** A result whose value is already CBOR: the bytes are taken over as they are. */
export function prepareResult(encoding: Encoding, id: number, value: Uint8Array): PreparedFrame {
  if (encoding === "json") {
    return prepared(encodeStored([number.result, id, decodeStored(value)]));
  }
  return withTail([0x83, number.result, ...unsigned(id)], value);
}

/** A piece of a result, already CBOR. */
export function prepareChunk(encoding: Encoding, id: number, value: Uint8Array): PreparedFrame {
  if (encoding === "json") return prepared(encodeStored([number.chunk, id, decodeStored(value)]));
  return withTail([0x83, number.chunk, ...unsigned(id)], value);
}

/** An event whose arguments are already CBOR. */
export function prepareEvent(encoding: Encoding, name: string, args: Uint8Array): PreparedFrame {
  if (encoding === "json") return prepared(encodeStored([number.event, name, decodeStored(args)]));
  return withTail([0x83, number.event, ...encodeValue(name)], args);
}

/** The body of an action's HTTP response. */
export function encodeOutput(encoding: Encoding, value: Uint8Array): Uint8Array | string {
  if (encoding === "json") return encodeStored({ output: decodeStored(value) });
  const body = new Uint8Array(outputHead.length + value.length);
  body.set(outputHead);
  body.set(value, outputHead.length);
  return body;
}

/** A map of one entry, and its key. */
const outputHead = new Uint8Array([0xa1, ...encodeValue("output")]);

/** Decodes what this process encoded itself: its own depth limit applies, not that of clients. */
function decodeStored(value: Uint8Array): unknown {
  return decodeValue(value, { maxDepth: trustedDepth });
}

/** What is as deep as a value may be is sent as well, with what is around it. */
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

/** One message of the given frames. */
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
      return [number.call, frame.id, frame.name, frame.args, frame.idempotencyKey];
    case "send":
      return [number.send, frame.id, frame.queue, frame.content, frame.idempotencyKey];
    case "cancel":
      return frame.idempotencyKey === undefined
        ? [number.cancel, frame.id]
        : [number.cancel, frame.id, frame.idempotencyKey];
    case "subscribe":
      return [number.subscribe, frame.event];
    case "unsubscribe":
      return [number.unsubscribe, frame.event];
    case "credit":
      return [number.credit, frame.id, frame.pieces];
    case "ping":
      return frame.received === undefined ? [number.ping] : [number.ping, frame.received];
  }
}

function serverTuple(frame: ServerFrame): readonly unknown[] {
  switch (frame.type) {
    case "init":
      return frame.resume === undefined
        ? [number.init, frame.version, frame.actorId, frame.connId]
        : [
            number.init,
            frame.version,
            frame.actorId,
            frame.connId,
            ...resumeTuple(frame.resume),
            ...livenessTuple(frame.liveness),
          ];
    case "result":
      return [number.result, frame.id, frame.value];
    case "error":
      return [number.error, frame.id ?? null, frame.error];
    case "event":
      return [number.event, frame.name, frame.args];
    case "gap":
      return [number.gap, frame.received];
    case "stream":
      return [number.stream, frame.id];
    case "chunk":
      return [number.chunk, frame.id, frame.value];
    case "pong":
      return [number.pong];
  }
}

function resumeTuple({ token, received, resumed }: ResumeInfo): readonly unknown[] {
  return [token, received, resumed];
}

function livenessTuple(liveness: Liveness | undefined): readonly unknown[] {
  return liveness === undefined ? [] : [liveness.intervalMs, liveness.timeoutMs];
}

/** Reads a client's message. Throws `message.malformed_*`, `message.too_deep`. */
export function decodeClientMessage(encoding: Encoding, data: Uint8Array | string): readonly ClientFrame[] {
  return tuples(encoding, data).map(clientFrame);
}

/** Reads a server's message. Throws `message.malformed_*`, `message.too_deep`. */
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
    case number.call:
      return {
        type: "call",
        id: integer(tuple[1]),
        name: text(tuple[2]),
        args: list(tuple[3]),
        idempotencyKey: text(tuple[4]),
      };
    case number.send:
      return {
        type: "send",
        id: integer(tuple[1]),
        queue: text(tuple[2]),
        content: record(tuple[3]),
        idempotencyKey: text(tuple[4]),
      };
    case number.cancel:
      return {
        type: "cancel",
        id: integer(tuple[1]),
        ...(tuple[2] === undefined ? {} : { idempotencyKey: text(tuple[2]) }),
      };
    case number.subscribe:
      return { type: "subscribe", event: text(tuple[1]) };
    case number.unsubscribe:
      return { type: "unsubscribe", event: text(tuple[1]) };
    case number.credit:
      return { type: "credit", id: integer(tuple[1]), pieces: integer(tuple[2]) };
    case number.ping:
      return tuple[1] === undefined ? { type: "ping" } : { type: "ping", received: integer(tuple[1]) };
    default:
      throw malformed("a frame has an unknown number");
  }
}

function serverFrame(tuple: readonly unknown[]): ServerFrame {
  switch (tuple[0]) {
    case number.init:
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
    case number.result:
      return { type: "result", id: integer(tuple[1]), value: tuple[2] };
    case number.error:
      return {
        type: "error",
        id: tuple[1] === null ? undefined : integer(tuple[1]),
        error: wireError(tuple[2]),
      };
    case number.event:
      return { type: "event", name: text(tuple[1]), args: list(tuple[2]) };
    case number.gap:
      return { type: "gap", received: integer(tuple[1]) };
    case number.stream:
      return { type: "stream", id: integer(tuple[1]) };
    case number.chunk:
      return { type: "chunk", id: integer(tuple[1]), value: tuple[2] };
    case number.pong:
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

/** Connection parameters in a header or a subprotocol: base64url of the encoded value. */
export function encodeParams(encoding: Encoding, params: unknown): string {
  const data = encodeGiven(encoding, params);
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
