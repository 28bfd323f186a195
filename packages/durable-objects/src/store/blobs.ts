/** Large objects of actors, in pieces: `ActorStore.blobs`. */
import { createHash, type Hash } from "node:crypto";
import { type BlobInfo, type BlobStore, blobReferencePrefix } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { durableObjectLimits } from "../limits.ts";
import type { ObjectStorage } from "../platform.ts";
import type { Pieces } from "./pieces.ts";
import { integer, text } from "./rows.ts";

const pieceBytes = durableObjectLimits.blobPieceBytes;

export class ObjectBlobs implements BlobStore {
  readonly #storage: ObjectStorage;
  readonly #pieces: Pieces;
  /** Numbers the objects that are being received. */
  #receiving = 0;

  constructor(storage: ObjectStorage, pieces: Pieces) {
    this.#storage = storage;
    this.#pieces = pieces;
  }

  async put(actorId: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<BlobInfo> {
    const partial = `partial-${++this.#receiving}`;
    const hash = createHash("sha256");
    try {
      this.#pieces.delete("blob", actorId, partial);
      const size = await this.#receive(actorId, partial, source, maxBytes, hash);
      const info = { hash: hash.digest("hex"), size };
      this.#storage.transactionSync(() => this.#complete(actorId, partial, info));
      return info;
    } catch (error) {
      this.#pieces.delete("blob", actorId, partial);
      throw error;
    }
  }

  async #receive(
    actorId: string,
    partial: string,
    source: AsyncIterable<Uint8Array>,
    maxBytes: number,
    hash: Hash,
  ): Promise<number> {
    let size = 0;
    let part = 0;
    const rest = new Uint8Array(pieceBytes);
    let filled = 0;
    for await (const chunk of source) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      hash.update(chunk);
      for (let at = 0; at < chunk.length; ) {
        const taken = chunk.subarray(at, at + pieceBytes - filled);
        rest.set(taken, filled);
        filled += taken.length;
        at += taken.length;
        if (filled < pieceBytes) continue;
        this.#pieces.append("blob", actorId, partial, part++, rest.slice());
        filled = 0;
      }
    }
    if (filled > 0) this.#pieces.append("blob", actorId, partial, part, rest.slice(0, filled));
    return size;
  }

  #complete(actorId: string, partial: string, { hash, size }: BlobInfo): void {
    const { sql } = this.#storage;
    this.#pieces.delete("blob", actorId, hash);
    sql.exec(
      "INSERT OR REPLACE INTO _holdfast_blob (actor, hash, size) VALUES (?, ?, ?)",
      actorId,
      hash,
      size,
    );
    sql.exec(
      "UPDATE _holdfast_piece SET key = ? WHERE kind = 'blob' AND actor = ? AND key = ?",
      ...[hash, actorId, partial],
    );
  }

  async read(
    actorId: string,
    hash: string,
    range: { readonly start: number; readonly end: number },
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const [row] = this.#storage.sql
      .exec("SELECT size FROM _holdfast_blob WHERE actor = ? AND hash = ?", actorId, hash)
      .toArray();
    if (row === undefined) return undefined;
    const end = Math.min(range.end, integer(row, "size"));
    let at = range.start;
    return new ReadableStream<Uint8Array>({
      pull: (controller) => {
        if (at >= end) return controller.close();
        const part = Math.floor(at / pieceBytes);
        const piece = this.#pieces.part("blob", actorId, hash, part);
        if (piece === undefined) throw gone(hash);
        const from = at - part * pieceBytes;
        const bytes = piece.subarray(from, Math.min(piece.length, from + end - at));
        at += bytes.length;
        controller.enqueue(bytes);
      },
    });
  }

  remove(actorId: string, hash: string): void {
    this.#storage.sql.exec("DELETE FROM _holdfast_blob WHERE actor = ? AND hash = ?", actorId, hash);
    this.#pieces.delete("blob", actorId, hash);
  }

  async list(actorId: string): Promise<readonly string[]> {
    return this.#storage.sql
      .exec("SELECT hash FROM _holdfast_blob WHERE actor = ? ORDER BY hash", actorId)
      .toArray()
      .map((row) => text(row, "hash"));
  }

  deleteAll(actorId: string): void {
    this.#storage.sql.exec("DELETE FROM _holdfast_blob WHERE actor = ?", actorId);
  }

  /** Called when the object starts: removes objects without references, and those that were not completed. */
  sweep(): void {
    const { sql } = this.#storage;
    sql.exec("DELETE FROM _holdfast_piece WHERE kind = 'blob' AND key LIKE 'partial-%'");
    for (const row of sql.exec("SELECT actor, hash FROM _holdfast_blob").toArray()) {
      const start = blobReferencePrefix(text(row, "hash"));
      const end = new Uint8Array([...start, 0xff]);
      const referring = sql
        .exec(
          "SELECT 1 FROM _holdfast_kv WHERE actor = ? AND key >= ? AND key < ? LIMIT 1",
          ...[text(row, "actor"), start, end],
        )
        .toArray();
      if (referring.length === 0) this.remove(text(row, "actor"), text(row, "hash"));
    }
  }
}

function tooLarge(maxBytes: number): HoldfastError {
  return new HoldfastError("store", "blob_too_large", `The object is larger than ${maxBytes} bytes`, {
    metadata: { maxBytes },
    statusCode: 413,
  });
}

function gone(hash: string): HoldfastError {
  return new HoldfastError("store", "invalid_blob", "The object was removed while it was read", {
    metadata: { hash },
  });
}
