/**
 * Channel between the gate and a plugin's process: a 4-byte length (big-endian), then JSON of that length. The first
 * message of each side states version 1.
 */

/** A longer frame ends the process that sent it. */
export const maxFrameBytes = 4 * 1024 * 1024;

/** A frame that is nested deeper ends the process that sent it. */
export const maxFrameDepth = 1_000;

/** Shorter frames cannot be nested deep enough to block the process. */
const leastCheckedBytes = 16 * 1024;

export function encodeFrame(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, 4);
  return frame;
}

/** Splits a stream of bytes into messages. Throws on a frame that is too long, too deep or not JSON. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** Copies a chunk at most once, however many messages it contains. */
  push(chunk: Buffer): unknown[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const messages: unknown[] = [];
    if (this.#bytes < this.#needed()) return messages;
    let data = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#bytes);
    for (let size = sizeOf(data); data.length >= size; size = sizeOf(data)) {
      messages.push(messageOf(data.subarray(headBytes, size)));
      data = data.subarray(size);
    }
    this.#chunks = data.length === 0 ? [] : [data];
    this.#bytes = data.length;
    return messages;
  }

  /** Bytes of the first frame, or of its head while the length is unknown. */
  #needed(): number {
    const [first] = this.#chunks;
    return first === undefined ? headBytes : sizeOf(first);
  }
}

const headBytes = 4;

/** Size of the first frame of `data`, or of its head if that is incomplete. */
function sizeOf(data: Buffer): number {
  if (data.length < headBytes) return headBytes;
  const length = data.readUInt32BE(0);
  if (length > maxFrameBytes) throw new Error(`a frame of ${length} bytes`);
  return headBytes + length;
}

/** Parsing a megabyte of brackets blocks the process for a second. */
function messageOf(json: Buffer): unknown {
  if (json.length >= leastCheckedBytes && isTooDeep(json)) throw new Error("a frame is nested too deep");
  return JSON.parse(json.toString("utf8"));
}

const [quote, backslash] = [0x22, 0x5c];

function isTooDeep(json: Buffer): boolean {
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case quote:
        at = endOfString(json, at);
        break;
      // "[" and "{"
      case 0x5b:
      case 0x7b:
        depth += 1;
        if (depth > maxFrameDepth) return true;
        break;
      // "]" and "}"
      case 0x5d:
      case 0x7d:
        depth -= 1;
        break;
    }
  }
  return false;
}

/** Index of the closing quote of the string at `start`; the end of the text if there is none. */
function endOfString(json: Buffer, start: number): number {
  for (let end = json.indexOf(quote, start + 1); end >= 0; end = json.indexOf(quote, end + 1)) {
    let escapes = 0;
    while (json[end - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return json.length;
}
