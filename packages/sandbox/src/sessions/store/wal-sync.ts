import { type FileHandle, open } from "node:fs/promises";
import { dirname } from "node:path";
import { problem } from "../../http/problem.ts";

interface Waiter {
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

/**
 * Brings what SQLite has committed to the disk, off the event loop: one fdatasync of its write-ahead
 * log for all commits since the last one began. With `synchronous=NORMAL` SQLite itself syncs only at
 * a checkpoint; with `FULL` it would hold up the loop at every commit.
 */
export class WalSync {
  readonly #path: string;
  #file: FileHandle | undefined;
  #waiting: Waiter[] = [];
  #isRunning = false;
  #isClosed = false;
  #failure: Error | undefined;

  /** `path` is that of the database; its log is made with the first commit. */
  constructor(path: string) {
    this.#path = path;
  }

  /** What a sync has failed with. From then on nothing is known of what is on the disk. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Calls `done` when everything that is committed now is on the disk. */
  after(done: () => void, failed: (error: Error) => void): void {
    if (this.#failure) failed(this.#failure);
    else if (this.#isClosed) done();
    else {
      this.#waiting.push({ done, failed });
      if (!this.#isRunning) void this.#run();
    }
  }

  /** To be called when the database was closed, which leaves everything on the disk and no log. */
  close(): void {
    this.#isClosed = true;
    for (const waiter of this.#waiting.splice(0)) waiter.done();
    if (!this.#isRunning) void this.#letGo();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // Whatever else this turn of the loop commits goes along.
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
    if (this.#isClosed) await this.#letGo();
  }

  async #sync(): Promise<Error | undefined> {
    if (this.#failure || this.#isClosed) return this.#failure;
    try {
      this.#file ??= await this.#open();
      await this.#file.datasync();
      return undefined;
    } catch (error) {
      // Closing the database meanwhile has synced everything, and taken the log away.
      if (this.#isClosed) return undefined;
      const cause = error instanceof Error ? error.message : String(error);
      this.#failure = problem("log_failed", 507, `the session log could not be synced: ${cause}`);
      return this.#failure;
    }
  }

  async #letGo(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** The name of a new log has to be on the disk too. */
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
