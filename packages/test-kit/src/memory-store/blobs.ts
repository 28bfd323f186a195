import { createHash } from "node:crypto";
import type { BlobInfo, BlobStore } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";

/** Blobs of a memory store. */
export class MemoryBlobs implements BlobStore {
  readonly #actors = new Map<string, Map<string, Uint8Array>>();

  async put(actorId: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<BlobInfo> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of source) {
      size += chunk.length;
      if (size > maxBytes) {
        throw new HoldfastError("store", "blob_too_large", `The object is larger than ${maxBytes} bytes`, {
          metadata: { maxBytes },
          statusCode: 413,
        });
      }
      chunks.push(chunk.slice());
    }
    const bytes = new Uint8Array(Buffer.concat(chunks));
    const hash = createHash("sha256").update(bytes).digest("hex");
    const objects = this.#actors.get(actorId) ?? new Map<string, Uint8Array>();
    objects.set(hash, bytes);
    this.#actors.set(actorId, objects);
    return { hash, size };
  }

  async read(
    actorId: string,
    hash: string,
    range: { readonly start: number; readonly end: number },
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const bytes = this.#actors.get(actorId)?.get(hash);
    if (bytes === undefined) return undefined;
    const part = bytes.slice(range.start, range.end);
    return new ReadableStream({
      start(controller) {
        if (part.length > 0) controller.enqueue(part);
        controller.close();
      },
    });
  }

  remove(actorId: string, hash: string): void {
    this.#actors.get(actorId)?.delete(hash);
  }

  all(actorId: string): readonly (readonly [hash: string, bytes: Uint8Array])[] {
    return [...(this.#actors.get(actorId) ?? [])];
  }

  removeAll(actorId: string): void {
    this.#actors.delete(actorId);
  }

  async list(actorId: string): Promise<readonly string[]> {
    return [...(this.#actors.get(actorId)?.keys() ?? [])].sort();
  }
}
