import { createHash } from "node:crypto";
import type { BlobInfo } from "@holdfast/actors";
import { blobTooLarge } from "../errors.ts";

/** Counts and hashes bytes that pass. */
export class MeasuredSource implements AsyncIterable<Uint8Array> {
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #maxBytes: number;
  readonly #hash = createHash("sha256");
  #size = 0;

  constructor(source: AsyncIterable<Uint8Array>, maxBytes: number) {
    this.#source = source;
    this.#maxBytes = maxBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const part of this.#source) {
      this.#size += part.length;
      if (this.#size > this.#maxBytes) throw blobTooLarge(this.#maxBytes);
      this.#hash.update(part);
      yield part;
    }
  }

  info(): BlobInfo {
    return { hash: this.#hash.digest("hex"), size: this.#size };
  }
}
