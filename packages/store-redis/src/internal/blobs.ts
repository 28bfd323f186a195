import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { type BlobInfo, type BlobStore, blobReferencePrefix } from "@holdfast/actors";
import { HoldfastError, type Ports } from "@holdfast/core";
import { inPieces, MeasuredSource } from "@holdfast/store-kit";
import { redisStoreLimits as limits } from "../limits.ts";
import type { Connections } from "./connection/connections.ts";
import { bytes, list, text } from "./rows.ts";
import { dropUploadScript, finishBlobScript, removeBlobScript, sweepScript } from "./scripts/blob.ts";
import { dropRestoreScript } from "./scripts/restore.ts";

const hashBytes = 32;
const referencePrefix = Buffer.from(blobReferencePrefix("0".repeat(2 * hashBytes))).subarray(0, -hashBytes);

/**
 * Large objects. An upload stores its bytes first, in pieces, and the object, which refers to the upload, last. An object
 * is therefore complete or absent. What is not complete is listed as pending, with the time of its start.
 */
export class Blobs implements BlobStore {
  readonly #ports: Ports;
  readonly #connections: Connections;
  readonly #prefix: string;
  /** Running removals. Reads of the actor's objects wait for them. */
  readonly #removals = new Map<string, Promise<void>>();

  constructor(ports: Ports, connections: Connections, prefix: string) {
    this.#ports = ports;
    this.#connections = connections;
    this.#prefix = prefix;
  }

  async put(actorId: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<BlobInfo> {
    await this.#removals.get(actorId);
    const upload = randomUUID();
    await this.startPending(`upload ${actorId} ${upload}`);
    const measured = new MeasuredSource(source, maxBytes);
    try {
      let count = 0;
      for await (const piece of inPieces(measured)) {
        await this.#connections.command("HSET", this.#pieces(actorId, upload), count, piece);
        count += 1;
      }
      const { hash, size } = measured.info();
      const args = [actorId, hash, upload, size, this.#ports.clock.now()];
      await this.#connections.run(finishBlobScript, this.#prefix, ...args);
      return { hash, size };
    } catch (error) {
      await this.#drop(actorId, upload);
      throw error;
    }
  }

  /** Remembers what a crash would leave incomplete. */
  async startPending(what: string): Promise<void> {
    await this.#connections.command("ZADD", `${this.#prefix}pending`, this.#ports.clock.now(), what);
  }

  /** An upload that cannot be removed now is removed as abandoned. */
  async #drop(actorId: string, upload: string): Promise<void> {
    try {
      await this.#connections.run(dropUploadScript, this.#prefix, actorId, upload);
    } catch (error) {
      this.#ports.log.warn("bytes of an upload could not be removed yet", { actorId, error });
    }
  }

  async read(
    actorId: string,
    hash: string,
    range: { readonly start: number; readonly end: number },
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    await this.#removals.get(actorId);
    const value = await this.#connections.command("HGET", `${this.#prefix}blob:${actorId}`, hash);
    if (value === null) return undefined;
    const { upload, size } = parseBlob(text(value));
    const source = this.bytesOf(actorId, upload, range.start, Math.min(range.end, size));
    // Reads one piece ahead only, since pieces are large.
    return Readable.toWeb(Readable.from(source, { highWaterMark: 1 })) as ReadableStream<Uint8Array>;
  }

  /** The bytes `start <= offset < end` of an upload. */
  async *bytesOf(actorId: string, upload: string, start: number, end: number): AsyncGenerator<Uint8Array> {
    for (let at = start; at < end; ) {
      const no = Math.floor(at / limits.maxPieceBytes);
      const value = await this.#connections.command("HGET", this.#pieces(actorId, upload), no);
      if (value === null) throw new HoldfastError("store", "unavailable", "The object was removed");
      const offset = no * limits.maxPieceBytes;
      const piece = bytes(value).subarray(at - offset, end - offset);
      at += piece.length;
      yield piece;
    }
  }

  remove(actorId: string, hash: string): void {
    const before = this.#removals.get(actorId) ?? Promise.resolve();
    const removal = before
      .then(async () => void (await this.#connections.run(removeBlobScript, this.#prefix, actorId, hash)))
      .catch((error: unknown) => {
        this.#ports.log.warn("object could not be removed", { actorId, hash, error });
      });
    this.#removals.set(actorId, removal);
    void removal.then(() => {
      if (this.#removals.get(actorId) === removal) this.#removals.delete(actorId);
    });
  }

  async list(actorId: string): Promise<readonly string[]> {
    await this.#removals.get(actorId);
    const hashes = list(await this.#connections.command("HKEYS", `${this.#prefix}blob:${actorId}`));
    return hashes.map(text).sort();
  }

  /**
   * Removes objects that the previous owner stored but no commit refers to. A put by the new owner makes them newer
   * than `before`.
   */
  async sweep(actorId: string, before: number): Promise<void> {
    await this.#connections.run(sweepScript, this.#prefix, actorId, before, referencePrefix);
  }

  /** Removes the uploads and restores that a crash interrupted long ago. */
  async removeAbandoned(): Promise<void> {
    const until = this.#ports.clock.now() - limits.abandonedMs;
    for (;;) {
      const pending = await this.#connections.command(
        ...(["ZRANGE", `${this.#prefix}pending`, "-inf", until, "BYSCORE", "LIMIT", 0, 100] as const),
      );
      const all = list(pending).map(text);
      for (const what of all) {
        const [kind, actorId = "", upload = ""] = what.split(" ");
        if (kind === "upload") await this.#connections.run(dropUploadScript, this.#prefix, actorId, upload);
        else await this.#connections.run(dropRestoreScript, this.#prefix, actorId);
        await this.#connections.command("ZREM", `${this.#prefix}pending`, what);
      }
      if (all.length === 0) return;
    }
  }

  #pieces(actorId: string, upload: string): string {
    return `${this.#prefix}piece:${actorId}:${upload}`;
  }

  async close(): Promise<void> {
    await Promise.all(this.#removals.values());
  }
}

/** An object as its list has it: upload, size, time. */
export function parseBlob(value: string): { readonly upload: string; readonly size: number } {
  const [upload = "", size] = value.split(":");
  return { upload, size: Number(size) };
}
