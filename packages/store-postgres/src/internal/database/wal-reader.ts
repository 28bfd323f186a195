/** Databases of actors: the local copy, its pages in PostgreSQL, and the way between them. */
import { closeSync, openSync, readSync } from "node:fs";
import { corrupt } from "../errors.ts";

const headerBytes = 32;
const frameHeaderBytes = 24;
/** Upper bound of one read, in frames. */
const framesPerRead = 256;

/** What commits have added to a log. */
export interface WalChanges {
  readonly pageSize: number;
  /** Number of pages of the database after the last commit. */
  readonly pages: number;
  /** The newest content of each changed page. */
  readonly changed: ReadonlyMap<number, Uint8Array>;
}

/**
 * Reads from the write-ahead log of an open SQLite database what its last commits have changed. The format is the one of
 * https://www.sqlite.org/fileformat2.html#walformat. SQLite holds no lock on the log's file, so that it may be opened
 * here, unlike the database itself.
 */
export class WalReader {
  readonly #file: number;
  /** Frames that were read before. */
  #frames = 0;
  #salts = "";

  constructor(path: string) {
    this.#file = openSync(path, "r");
  }

  /** `frames`: the number of committed frames in the log, as SQLite tells it. Undefined if there is nothing new. */
  read(frames: number): WalChanges | undefined {
    if (frames <= 0) return undefined;
    const header = this.#readAt(0, headerBytes);
    const salts = header.toString("latin1", 16, 24);
    // After a complete checkpoint the log starts over, with other salts.
    if (salts !== this.#salts) this.#frames = 0;
    this.#salts = salts;
    if (frames === this.#frames) return undefined;
    const changes = this.#readFrames(header.readUInt32BE(8), frames);
    this.#frames = frames;
    return changes;
  }

  #readFrames(pageSize: number, frames: number): WalChanges {
    const frameBytes = frameHeaderBytes + pageSize;
    const changed = new Map<number, Uint8Array>();
    let pages = 0;
    for (let from = this.#frames; from < frames; from += framesPerRead) {
      const count = Math.min(framesPerRead, frames - from);
      const block = this.#readAt(headerBytes + from * frameBytes, count * frameBytes);
      for (let at = 0; at < block.length; at += frameBytes) {
        const size = block.readUInt32BE(at + 4);
        if (size !== 0) pages = size;
        changed.set(block.readUInt32BE(at), block.subarray(at + frameHeaderBytes, at + frameBytes));
      }
    }
    // Written, and cut off again by a later commit.
    for (const page of changed.keys()) if (page > pages) changed.delete(page);
    return { pageSize, pages, changed };
  }

  #readAt(position: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    let read = 0;
    while (read < length) {
      const count = readSync(this.#file, buffer, read, length - read, position + read);
      if (count === 0) throw corrupt("The log of an actor's database ends early");
      read += count;
    }
    return buffer;
  }

  close(): void {
    closeSync(this.#file);
  }
}
