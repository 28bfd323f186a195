import { randomUUID } from "node:crypto";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";
import { Errno } from "./errno.ts";
import type { Contents } from "./files/remote-files.ts";
import { maxDataBytes } from "./fuse/wire.ts";

/** Room of one mount for local copies of files that are written. */
export class SpoolRoom {
  readonly #maxBytes: number;
  #used = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** ENOSPC where there is no room. */
  resize(from: number, to: number): void {
    const used = this.#used - from + to;
    if (to > from && used > this.#maxBytes) throw new Errno(constants.errno.ENOSPC);
    this.#used = used;
  }
}

/** Local copy of a file while programs write it; nothing of it outlives this process. */
export class Spool implements Contents {
  readonly #file: FileHandle;
  readonly #room: SpoolRoom;
  #size = 0;
  #order: Promise<unknown> = Promise.resolve();
  modifiedNs = BigInt(Date.now()) * 1_000_000n;
  isDirty = false;
  /** Version of the other side that it was made from; undefined where its server has no versions. */
  etag: string | undefined;

  private constructor(file: FileHandle, room: SpoolRoom, etag: string | undefined) {
    this.#file = file;
    this.#room = room;
    this.etag = etag;
  }

  static async open(room: SpoolRoom, etag: string | undefined): Promise<Spool> {
    const path = join(tmpdir(), `hfm-${randomUUID()}`);
    const file = await open(path, "wx+", 0o600);
    await unlink(path);
    return new Spool(file, room, etag);
  }

  get size(): number {
    return this.#size;
  }

  /** Changes and uploads run one after the other. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#order.then(work);
    this.#order = result.catch(() => {});
    return result;
  }

  /** Fills it with what `read` gives until it gives nothing more. */
  async fill(read: (offset: number, length: number) => Promise<Uint8Array>): Promise<void> {
    for (;;) {
      const bytes = await read(this.#size, maxDataBytes);
      if (bytes.length === 0) return;
      await this.#put(this.#size, bytes);
    }
  }

  async read(offset: number, length: number): Promise<Buffer> {
    const { buffer, bytesRead } = await this.#file.read(Buffer.allocUnsafe(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  }

  async write(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#put(offset, bytes);
    this.#touch();
  }

  async truncate(size: number): Promise<void> {
    this.#room.resize(this.#size, size);
    await this.#file.truncate(size);
    this.#size = size;
    this.#touch();
  }

  async close(): Promise<void> {
    this.#room.resize(this.#size, 0);
    this.#size = 0;
    await this.#file.close();
  }

  async #put(offset: number, bytes: Uint8Array): Promise<void> {
    const size = Math.max(this.#size, offset + bytes.length);
    this.#room.resize(this.#size, size);
    this.#size = size;
    for (let at = 0; at < bytes.length; ) {
      const { bytesWritten } = await this.#file.write(bytes, at, bytes.length - at, offset + at);
      at += bytesWritten;
    }
  }

  #touch(): void {
    this.isDirty = true;
    this.modifiedNs = BigInt(Date.now()) * 1_000_000n;
  }
}
