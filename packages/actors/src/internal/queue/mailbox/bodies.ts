import { HoldfastError } from "@holdfast/core";
import type { EntryBuffer } from "../../kv/entry-buffer.ts";
import { queueLimits } from "../limits.ts";
import { chunkKey, decodeChunk, encodeChunk, type MessageRecord, type StoredBody } from "./records.ts";

/** Encoded bodies: short ones are stored with their messages, long ones in chunks. */
export class Bodies {
  readonly #records: EntryBuffer;

  constructor(records: EntryBuffer) {
    this.#records = records;
  }

  /** Returns the part for the record of the message, and writes the chunks. */
  store(id: number, body: Uint8Array): StoredBody {
    if (body.length <= queueLimits.maxInlineBytes) return body;
    const chunks = Math.ceil(body.length / queueLimits.chunkBytes);
    for (let index = 0; index < chunks; index++) {
      const start = index * queueLimits.chunkBytes;
      const piece = body.subarray(start, start + queueLimits.chunkBytes);
      this.#records.put(chunkKey(id, index), encodeChunk(piece));
    }
    return { bytes: body.length, chunks };
  }

  /** Returns a promise only if the body is stored in chunks. Throws `store.corrupt`. */
  read({ id, body }: Pick<MessageRecord, "id" | "body">): Uint8Array | Promise<Uint8Array> {
    return body instanceof Uint8Array ? body : this.#readChunks(id, body.bytes, body.chunks);
  }

  async #readChunks(id: number, bytes: number, chunks: number): Promise<Uint8Array> {
    const body = new Uint8Array(bytes);
    let at = 0;
    for (let index = 0; index < chunks; index++) {
      const chunk = await this.#records.get(chunkKey(id, index));
      if (chunk === undefined) throw new HoldfastError("store", "corrupt", "A chunk of a message is missing");
      const piece = decodeChunk(chunk);
      body.set(piece, at);
      at += piece.length;
    }
    return body;
  }

  delete({ id, body }: Pick<MessageRecord, "id" | "body">): void {
    if (body instanceof Uint8Array) return;
    for (let index = 0; index < body.chunks; index++) this.#records.delete(chunkKey(id, index));
  }
}
