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
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  push(chunk: Buffer): unknown[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const messages: unknown[] = [];
    while (this.#bytes >= 4) {
      const length = this.#head().readUInt32BE(0);
      if (length > maxFrameBytes) throw new Error(`a frame of ${length} bytes`);
      if (this.#bytes < 4 + length) break;
      const all = Buffer.concat(this.#chunks.splice(0));
      messages.push(JSON.parse(all.toString("utf8", 4, 4 + length)));
      this.#bytes = all.length - 4 - length;
      if (this.#bytes > 0) this.#chunks.push(all.subarray(4 + length));
    }
    return messages;
  }

  /** The first chunk, made to hold at least the four bytes of a length. */
  #head(): Buffer {
    let head = this.#chunks[0] ?? Buffer.alloc(4);
    if (head.length < 4) {
      head = Buffer.concat(this.#chunks.splice(0));
      this.#chunks.push(head);
    }
    return head;
  }
}
