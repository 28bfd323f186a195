/** Group commit: batches written on the loop, one sync of the WAL for all, checkpoints. */
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

/** Above this a sync leaves the event loop, even with one commit waiting for it. */
const maxInlineSyncMs = 1;

/** How many lone commits are synced off the event loop before one in line finds out how quick the disk is now. */
const probeEvery = 64;

/** Made once: never written to, it takes no memory but its addresses. */
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
  /** How long a sync takes, smoothed: one that was slow does not tell of the disk. */
  #usualMs = 0;
  #sinceProbe = 0;
  /** Length of the file, or the length up to which it grows by itself where no room could be made. */
  #length: number;

  constructor(path: string, syncFile: SyncFile = systemSync, now: () => number = () => performance.now()) {
    this.#path = path;
    this.#syncFile = syncFile;
    this.#now = now;
    this.#fd = openSync(path, "r+");
    const { ino, size } = fstatSync(this.#fd, { bigint: true });
    this.#inode = ino;
    this.#length = Number(size);
    // After a crash the log may hold commits that no sync has covered yet, and that reads now show.
    fdatasyncSync(this.#fd);
  }

  /**
   * Makes durable what was written to the WAL before the call. With `alone` and a quick disk it
   * blocks the event loop, since the way through the thread pool costs a lone caller more than the
   * sync itself, and returns nothing to wait for.
   */
  sync(alone: boolean): Promise<void> | undefined {
    if (alone && this.#mayBlock()) {
      const start = this.#now();
      this.#syncFile.sync(this.#fd);
      this.#measured(this.#now() - start);
      return undefined;
    }
    // The time off the event loop says nothing of a disk that is quicker than the thread pool is busy.
    return this.#syncFile.syncAsync(this.#fd);
  }

  /**
   * Makes room ahead of what is written, which ends at `usedBytes`, but not past `maxBytes`: a file that
   * does not grow is synced without its metadata, in about half of the time. The room is zeros, where
   * SQLite's recovery ends as at the end of the file. To be called between the writes of the one
   * connection that writes; where there is no space, the log grows as it is written.
   */
  reserve(usedBytes: number, maxBytes: number): void {
    if (usedBytes + leastWalRoomBytes <= this.#length || this.#length >= maxBytes) return;
    try {
      // Whatever was written is before the end of the file.
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

  /** Whether a sync in line costs less than the way through the thread pool. */
  get isQuick(): boolean {
    return this.#usualMs < maxInlineSyncMs;
  }

  /** Throws when the path no longer names the file that is synced. */
  assertSame(): void {
    const inode = statSync(this.#path, { bigint: true }).ino;
    if (inode !== this.#inode) throw new Error("The write-ahead log was replaced by another file");
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Makes the names of the files in a directory durable. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
