/** Frames of a call channel: a length, a type, the id of a call, a head in JSON, and a body of bytes. */

/**
 * - `request`: from the caller; its body is that of the request.
 * - `cancel`: from the caller, whose client has left.
 * - `response`: the answer.
 * - `streamed`: the answer is long or endless: the caller fetches it over a stream of its own.
 * - `misdirected`: the node does not serve the actor; nothing ran.
 */
export type CallFrameType = "request" | "cancel" | "response" | "streamed" | "misdirected";

const types: readonly CallFrameType[] = ["request", "cancel", "response", "streamed", "misdirected"];

/** Head of a request. */
export interface RequestHead {
  readonly kind: "request" | "internal";
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** Address of the client. */
  readonly peer?: string | undefined;
  /** The sender's revision of the leases. */
  readonly revision: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[]>>;
}

export interface CallFrame {
  readonly type: CallFrameType;
  readonly call: number;
  readonly head: unknown;
  readonly body: Uint8Array;
}

/** Bytes before the head: the length of all that follows, the type, the call, the length of the head. */
const prefixBytes = 13;
/** A head has at most the headers of a request; a body at most {@link maxFrameBodyBytes}. */
const maxFrameBytes = 1_048_576;
/** A longer body crosses in a stream of its own, so that it does not hold up other calls. */
export const maxFrameBodyBytes = 65_536;

const none = new Uint8Array(0);
const nothing = Buffer.alloc(0);

export function encodeFrame(
  type: CallFrameType,
  call: number,
  head: unknown,
  body: Uint8Array | string = none,
): Buffer {
  const text = head === undefined ? "" : JSON.stringify(head);
  const headLength = Buffer.byteLength(text);
  const bodyLength = typeof body === "string" ? Buffer.byteLength(body) : body.length;
  const frame = Buffer.allocUnsafe(prefixBytes + headLength + bodyLength);
  frame.writeUInt32BE(frame.length - 4, 0);
  frame.writeUInt8(types.indexOf(type), 4);
  frame.writeUInt32BE(call, 5);
  frame.writeUInt32BE(headLength, 9);
  frame.write(text, prefixBytes, "utf8");
  if (typeof body === "string") frame.write(body, prefixBytes + headLength, "utf8");
  else frame.set(body, prefixBytes + headLength);
  return frame;
}

/** Splits a stream of bytes into frames. */
export class FrameReader {
  readonly #found: (frame: CallFrame) => void;
  #rest: Buffer = nothing;

  constructor(found: (frame: CallFrame) => void) {
    this.#found = found;
  }

  /** Throws `RangeError` for a frame that no node of this version sends. */
  push(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let start = 0;
    while (bytes.length - start >= 4) {
      const length = bytes.readUInt32BE(start);
      if (length < prefixBytes - 4 || length > maxFrameBytes) throw new RangeError("The frame is too long");
      const end = start + 4 + length;
      if (bytes.length < end) break;
      this.#found(decodeFrame(bytes, start, end));
      start = end;
    }
    this.#rest = start === bytes.length ? nothing : bytes.subarray(start);
  }
}

function decodeFrame(bytes: Buffer, start: number, end: number): CallFrame {
  const type = types[bytes.readUInt8(start + 4)];
  const headStart = start + prefixBytes;
  const headEnd = headStart + bytes.readUInt32BE(start + 9);
  if (type === undefined || headEnd > end) throw new RangeError("The frame is malformed");
  const head: unknown =
    headEnd === headStart ? undefined : JSON.parse(bytes.toString("utf8", headStart, headEnd));
  // A copy: small frames share the memory of one large chunk, which a long call would keep.
  const body = Buffer.allocUnsafe(end - headEnd);
  bytes.copy(body, 0, headEnd, end);
  return { type, call: bytes.readUInt32BE(start + 5), head, body };
}
