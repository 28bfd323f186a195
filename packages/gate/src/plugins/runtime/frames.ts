/**
 * The channel between the gate and a plugin's process: a length in four bytes (big-endian), then that
 * much JSON. Version 1 of it is said in the first message of each side.
 */

/** A longer frame ends the process that sent it. */
export const maxFrameBytes = 4 * 1024 * 1024;

/** A frame whose objects and lists are nested deeper ends the process that sent it. */
export const maxFrameDepth = 1_000;

/** What is shorter cannot be nested so deep that it would hold anything up. */
const leastCheckedBytes = 16 * 1024;

export function encodeFrame(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, 4);
  return frame;
}

/** Cuts a stream of bytes into messages. Throws on a frame that is too long, too deep or no JSON. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** A chunk is copied once at most, however many messages are in it. */
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

  /** Bytes that the first frame needs, as far as the first chunk tells. */
  #needed(): number {
    const [first] = this.#chunks;
    return first === undefined ? headBytes : sizeOf(first);
  }
}

const headBytes = 4;

/** Of the frame that `data` begins with; of its length alone where that is not all there. */
function sizeOf(data: Buffer): number {
  if (data.length < headBytes) return headBytes;
  const length = data.readUInt32BE(0);
  if (length > maxFrameBytes) throw new Error(`a frame of ${length} bytes`);
  return headBytes + length;
}

/** To parse a megabyte of brackets takes a second, in which nothing else happens. */
function messageOf(json: Buffer): unknown {
  if (json.length >= leastCheckedBytes && isTooDeep(json)) throw new Error("a frame that is nested too deep");
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

/** Where the quote is that ends the string which begins at `start`; the end of it all where there is none. */
function endOfString(json: Buffer, start: number): number {
  for (let end = json.indexOf(quote, start + 1); end >= 0; end = json.indexOf(quote, end + 1)) {
    let escapes = 0;
    while (json[end - 1 - escapes] === backslash) escapes += 1;
    if (escapes % 2 === 0) return end;
  }
  return json.length;
}
