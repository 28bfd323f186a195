/**
 * The channel between the gate and a plugin's process: a length in four bytes (big-endian), then that
 * much JSON. Version 1 of it is said in the first message of each side.
 */

/** A longer frame ends the process that sent it. */
export const maxFrameBytes = 4 * 1024 * 1024;

export function encodeFrame(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  const frame = Buffer.allocUnsafe(4 + body.length);
  frame.writeUInt32BE(body.length, 0);
  body.copy(frame, 4);
  return frame;
}

/** Cuts a stream of bytes into messages. Throws on a frame that is too long or no JSON. */
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
      messages.push(JSON.parse(data.toString("utf8", headBytes, size)));
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
