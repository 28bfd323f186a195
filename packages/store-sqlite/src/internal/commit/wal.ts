/** Group commit: batches are written on the event loop, with one sync of the WAL for all, and checkpoints. */
import {
  closeSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  statSync,
  writeSync,
} from "node:fs";
import { performance } from "node:perf_hooks";
import { sqliteStoreLimits } from "../../limits.ts";
import type { SyncFile } from "../../sync.ts";

const { leastWalRoomBytes, walGrowthBytes } = sqliteStoreLimits;

/** Above this duration a sync runs off the event loop, even for a single commit. */
const maxInlineSyncMs = 1;

/** Number of single commits synced off the event loop before one in line measures the disk again. */
const probeEvery = 64;

/** Allocated once: never written to, it occupies only address space. */
let zeros: Uint8Array | undefined;

const systemSync: SyncFile = {
  sync: fdatasyncSync,
  syncAsync: (fd) =>
    new Promise((resolve, reject) => fdatasync(fd, (error) => (error === null ? resolve() : reject(error)))),
};

/**
 * The write-ahead log as a file to sync.
 *
 * Invariant: this is the only file of the store that is opened through `fs` in this process. SQLite
 * keeps POSIX locks on the database and its `-shm` file, and closing *any* descriptor of a file drops
 * the process's locks on it; it keeps none on the `-wal` file.
 *
 * SQLite makes that file when the first connection reads the database and removes it when the last one
 * closes; a checkpoint empties it in place. So one descriptor serves for as long as the store's
 * connection is open, and `assertSame` notices when something else has replaced the file.
 */
export class Wal {
  readonly #path: string;
  readonly #fd: number;
  readonly #inode: bigint;
  readonly #syncFile: SyncFile;
  readonly #now: () => number;
  /** Smoothed duration of a sync: one slow sync does not make a disk slow. */
  #usualMs = 0;
  #sinceProbe = 0;
  /** Length of the file, or the length up to which it grows by itself if preallocation failed. */
  #length: number;

  constructor(path: string, syncFile: SyncFile = systemSync, now: () => number = () => performance.now()) {
    this.#path = path;
    this.#syncFile = syncFile;
    this.#now = now;
    this.#fd = openSync(path, "r+");
    const { ino, size } = fstatSync(this.#fd, { bigint: true });
    this.#inode = ino;
    this.#length = Number(size);
    // After a crash the log may hold commits that were never synced, and that reads now show.
    fdatasyncSync(this.#fd);
  }

  /**
   * Makes everything written to the WAL before the call durable. With `alone` and a quick disk it blocks the event
   * loop and returns nothing to wait for, because the way through the thread pool costs a single caller more than the
   * sync itself.
   */
  sync(alone: boolean): Promise<void> | undefined {
    if (alone && this.#mayBlock()) {
      const start = this.#now();
      this.#syncFile.sync(this.#fd);
      this.#measured(this.#now() - start);
      return undefined;
    }
    // The duration off the event loop includes the queue of the thread pool, so it does not measure a quick disk.
    return this.#syncFile.syncAsync(this.#fd);
  }

  /**
   * Preallocates space after `usedBytes`, up to `maxBytes`: a file that does not grow is synced without its metadata,
   * in about half the time. The space is zeros, at which SQLite's recovery stops as at the end of the file. Call it
   * between the writes of the single writing connection. Without disk space, the log grows as it is written.
   */
  reserve(usedBytes: number, maxBytes: number): void {
    if (usedBytes + leastWalRoomBytes <= this.#length || this.#length >= maxBytes) return;
    try {
      // All writes are before the end of the file.
      const { size } = fstatSync(this.#fd);
      zeros ??= new Uint8Array(walGrowthBytes);
      const room = Math.max(0, Math.min(walGrowthBytes, maxBytes - size));
      this.#length = size + writeSync(this.#fd, zeros, 0, room, size);
    } catch {
      this.#length += walGrowthBytes;
    }
  }

  #mayBlock(): boolean {
    if (this.#usualMs < maxInlineSyncMs) return true;
    this.#sinceProbe = (this.#sinceProbe + 1) % probeEvery;
    return this.#sinceProbe === 0;
  }

  #measured(ms: number): void {
    const isProbe = this.#usualMs >= maxInlineSyncMs;
    this.#usualMs = isProbe ? ms : this.#usualMs * 0.75 + ms * 0.25;
  }

  /** True if a sync on the event loop costs less than the way through the thread pool. */
  get isQuick(): boolean {
    return this.#usualMs < maxInlineSyncMs;
  }

  /** Throws if the path no longer names the file that is synced. */
  assertSame(): void {
    const inode = statSync(this.#path, { bigint: true }).ino;
    if (inode !== this.#inode) throw new Error("The write-ahead log was replaced by another file");
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Makes the entries of a directory durable. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
