import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { problem } from "../../http/problem.ts";

interface Waiter {
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

/**
 * Group commit for SQLite, off the event loop: one fdatasync of the write-ahead log covers all commits made
 * before it started. With `synchronous=NORMAL` SQLite itself syncs only at a checkpoint; with `FULL` it
 * would block the event loop at every commit.
 */
export class WalSync {
  readonly #path: string;
  #file: FileHandle | undefined;
  #waiting: Waiter[] = [];
  #isRunning = false;
  #isClosed = false;
  #failure: Error | undefined;

  /** `path` is the path of the database; SQLite creates the log with the first commit. */
  constructor(path: string) {
    this.#path = path;
  }

  /** Error of a failed sync. It is permanent, because the state of the disk is unknown from then on. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Calls `done` once all current commits are on disk. */
  after(done: () => void, failed: (error: Error) => void): void {
    if (this.#failure) failed(this.#failure);
    else if (this.#isClosed) done();
    else {
      this.#waiting.push({ done, failed });
      if (!this.#isRunning) void this.#run();
    }
  }

  /** Call it after the database was closed, which syncs everything and removes the log. */
  close(): void {
    this.#isClosed = true;
    for (const waiter of this.#waiting.splice(0)) waiter.done();
    if (!this.#isRunning) void this.#closeFile();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // Commits of the same event-loop turn join this sync.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const failure = await this.#sync();
      for (const waiter of batch) {
        if (failure) waiter.failed(failure);
        else waiter.done();
      }
    }
    this.#isRunning = false;
    if (this.#isClosed) await this.#closeFile();
  }

  async #sync(): Promise<Error | undefined> {
    if (this.#failure || this.#isClosed) return this.#failure;
    try {
      this.#file ??= await this.#open();
      await this.#file.datasync();
      return undefined;
    } catch (error) {
      // A concurrent close of the database has synced everything and removed the log.
      if (this.#isClosed) return undefined;
      const cause = error instanceof Error ? error.message : String(error);
      this.#failure = problem("log_failed", 507, `the session log could not be synced: ${cause}`);
      return this.#failure;
    }
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Syncs the directory too: a new log needs a durable directory entry. */
  async #open(): Promise<FileHandle> {
    const file = await open(`${this.#path}-wal`, "r");
    const directory = await open(dirname(this.#path), "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    return file;
  }
}
