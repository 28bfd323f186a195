import { createHash, randomUUID } from "node:crypto";
import { createReadStream, existsSync, rmSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { BlobInfo, BlobStore } from "@holdfast/actors";
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { syncDirectoryOf } from "./actor-file/paths.ts";
import { entries, makeDirectory } from "./database.ts";
import { unavailable } from "./errors.ts";

const blobsFolder = "blobs";

/** Suffix of an object that is being written. */
const partialSuffix = ".partial";

/** Large objects as files: one folder per actor, one file per object, named by the hash of its content. */
export class Blobs implements BlobStore {
  readonly #root: string;
  /** Resolves when it is durable that this process may leave files without references. */
  readonly #beforeWrite: () => Promise<void>;

  /** Removals that wait because copies are being made. */
  readonly #postponed = new Set<string>();
  #holds = 0;

  constructor(path: string, before: () => Promise<void>) {
    this.#root = join(path, blobsFolder);
    this.#beforeWrite = before;
  }

  async put(actorId: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<BlobInfo> {
    await this.#beforeWrite();
    const folder = this.#folder(actorId);
    const partial = join(folder, `${randomUUID()}${partialSuffix}`);
    try {
      makeDirectory(folder);
      const info = await write(partial, source, maxBytes);
      const path = join(folder, info.hash);
      this.#postponed.delete(path);
      if (existsSync(path)) await rm(partial);
      else await rename(partial, path);
      await syncDirectoryOf(path);
      return info;
    } catch (error) {
      rmSync(partial, { force: true });
      throw mapFileError(error);
    }
  }

  async read(
    actorId: string,
    hash: string,
    range: { readonly start: number; readonly end: number },
  ): Promise<ReadableStream<Uint8Array> | undefined> {
    const path = join(this.#folder(actorId), hash);
    if (!existsSync(path)) return undefined;
    if (range.start >= range.end) return new ReadableStream({ start: (controller) => controller.close() });
    // Opened before it is returned, so that a later removal does not truncate it.
    const file = await open(path, "r");
    const stream = createReadStream(path, { fd: file, start: range.start, end: range.end - 1 });
    return Readable.toWeb(stream) as ReadableStream<Uint8Array>;
  }

  remove(actorId: string, hash: string): void {
    this.#remove(join(this.#folder(actorId), hash));
  }

  #remove(path: string): void {
    if (this.#holds > 0) this.#postponed.add(path);
    else rmSync(path, { recursive: true, force: true });
  }

  /** Postpones removals while `work` runs. */
  async withoutRemovals<T>(work: () => Promise<T>): Promise<T> {
    this.#holds += 1;
    try {
      return await work();
    } finally {
      this.#holds -= 1;
      if (this.#holds === 0) for (const path of this.#postponed) this.#remove(path);
      if (this.#holds === 0) this.#postponed.clear();
    }
  }

  async list(actorId: string): Promise<readonly string[]> {
    return entries(this.#folder(actorId)).filter(isHash);
  }

  /** The file of an object, for copies. */
  pathOf(actorId: string, hash: string): string {
    return join(this.#folder(actorId), hash);
  }

  folderOf(actorId: string): string {
    return this.#folder(actorId);
  }

  /** Removes all objects of an actor. */
  removeAll(actorId: string): void {
    this.#remove(this.#folder(actorId));
  }

  has(actorId: string): boolean {
    return existsSync(this.#folder(actorId));
  }

  /** Every actor that has or had objects. */
  *actors(): Generator<string> {
    for (const spread of entries(this.#root)) {
      for (const folder of entries(join(this.#root, spread))) {
        if (/^([0-9a-f]{2})+$/.test(folder)) yield Buffer.from(folder, "hex").toString();
      }
    }
  }

  /** Called after a crash: removes objects without references. */
  sweep(isReferenced: (actorId: string, hash: string) => boolean): void {
    for (const actorId of this.actors()) {
      const folder = this.#folder(actorId);
      for (const file of entries(folder)) {
        if (isHash(file) ? isReferenced(actorId, file) : !file.endsWith(partialSuffix)) continue;
        rmSync(join(folder, file), { force: true });
      }
    }
  }

  #folder(actorId: string): string {
    const name = Buffer.from(actorId).toString("hex");
    if (name.length > 200 || name === "") {
      throw new HoldfastError("store", "invalid_commit", "The id of an actor is too long for a file name");
    }
    return join(this.#root, name.slice(-4), name);
  }
}

async function write(path: string, source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<BlobInfo> {
  const hash = createHash("sha256");
  let size = 0;
  const file = await open(path, "wx", 0o600);
  try {
    for await (const piece of source) {
      size += piece.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      hash.update(piece);
      let written = 0;
      while (written < piece.length) written += (await file.write(piece, written)).bytesWritten;
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  return { hash: hash.digest("hex"), size };
}

function isHash(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

function tooLarge(maxBytes: number): HoldfastError {
  return new HoldfastError("store", "blob_too_large", `The object is larger than ${maxBytes} bytes`, {
    metadata: { maxBytes },
    statusCode: 413,
  });
}

function mapFileError(error: unknown): unknown {
  if (isHoldfastError(error)) return error;
  switch ((error as { code?: unknown } | null)?.code) {
    case "ENOSPC":
    case "EDQUOT":
      return new HoldfastError("store", "full", "The disk or the store's quota is full", { cause: error });
    case "EIO":
    case "EACCES":
    case "EROFS":
    case "EMFILE":
    case "ENFILE":
      return unavailable({ cause: error });
    default:
      return error;
  }
}
