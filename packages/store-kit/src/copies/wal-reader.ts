/** Databases of actors: local copies, and the transfer of their pages from and to the server. */
import { closeSync, openSync, readSync } from "node:fs";
import { corrupt } from "../errors.ts";

const headerBytes = 32;
const frameHeaderBytes = 24;
/** Maximum number of frames in one read. */
const framesPerRead = 256;

/** Changes that commits appended to a log. */
export interface WalChanges {
  readonly pageSize: number;
  /** Number of pages of the database after the last commit. */
  readonly pages: number;
  /** Newest content of each changed page. */
  readonly changed: ReadonlyMap<number, Uint8Array>;
}

/**
 * Reads the changes of the latest commits from the write-ahead log of an open SQLite database. Format:
 * https://www.sqlite.org/fileformat2.html#walformat. SQLite holds no lock on the log's file, so it can be opened here,
 * unlike the database itself.
 */
export class WalReader {
  readonly #file: number;
  /** Number of frames read so far. */
  #frames = 0;
  #salts = "";

  constructor(path: string) {
    this.#file = openSync(path, "r");
  }

  /** `frames` is SQLite's number of committed frames in the log. Undefined if there is nothing new. */
  read(frames: number): WalChanges | undefined {
    if (frames <= 0) return undefined;
    const header = this.#readAt(0, headerBytes);
    const salts = header.toString("latin1", 16, 24);
    // A complete checkpoint restarts the log with new salts.
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
    // Written, then truncated by a later commit.
    for (const page of changed.keys()) if (page > pages) changed.delete(page);
    return { pageSize, pages, changed };
  }

  #readAt(position: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(length);
    let read = 0;
    while (read < length) {
      const count = readSync(this.#file, buffer, read, length - read, position + read);
      if (count === 0) throw corrupt("The log of an actor's database is truncated");
      read += count;
    }
    return buffer;
  }

  close(): void {
    closeSync(this.#file);
  }
}
