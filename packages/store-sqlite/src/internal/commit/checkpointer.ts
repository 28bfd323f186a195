import type { Logger } from "@holdfast/core";
import { isFatal, mapSqliteError } from "../errors.ts";
import type { WorkerThread } from "../worker-thread.ts";
import type { WalState } from "./group-committer.ts";
import type { Wal } from "./wal.ts";

export interface CheckpointerOptions {
  readonly thread: WorkerThread;
  readonly wal: Wal;
  readonly log: Logger;
  readonly walBytes: (frames: number) => number;
  readonly passiveBytes: number;
  readonly maxWalBytes: number;
  readonly onFatal: (cause: unknown) => void;
}

/**
 * Moves committed pages from the WAL into the database, in a thread.
 *
 * A passive checkpoint never waits for the writer, so under steady load it never finds the WAL fully
 * moved, and only a WAL that is fully moved starts over from its beginning. That is why commits are
 * held for a moment when it has grown to its limit.
 */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  #running: Promise<void> | undefined;
  #holdAtBytes: number;
  #stopped = false;
  count = 0;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#holdAtBytes = options.maxWalBytes;
  }

  /** Called with the WAL's size after each group. Returns a promise that commits must wait for, if any. */
  onGroup(state: WalState): (() => Promise<void>) | undefined {
    const { walBytes, passiveBytes, maxWalBytes } = this.#options;
    if (this.#stopped) return undefined;
    const bytes = walBytes(state.frames);
    if (bytes < maxWalBytes) this.#holdAtBytes = maxWalBytes;
    if (bytes >= this.#holdAtBytes) return () => this.#restart(bytes);
    if (this.#running === undefined && walBytes(state.frames - state.moved) >= passiveBytes) this.#passive();
    return undefined;
  }

  /** Waits for the running checkpoint and starts no more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  #passive(): void {
    this.#running = this.#checkpoint("passive").then(() => {
      this.#running = undefined;
    });
  }

  async #restart(bytes: number): Promise<void> {
    await this.#running;
    const complete = await this.#checkpoint("restart");
    // A reader (a backup) pins the WAL: let commits go on, and try again after it has grown.
    this.#holdAtBytes = complete ? this.#options.maxWalBytes : bytes + this.#options.maxWalBytes / 4;
  }

  async #checkpoint(type: "passive" | "restart"): Promise<boolean> {
    try {
      // The thread would open any file with the log's name, and move its content into the database.
      this.#options.wal.assertSame();
      const reply = await this.#options.thread.send({ type });
      this.#options.wal.assertSame();
      this.count += 1;
      return !reply.busy;
    } catch (error) {
      if (isFatal(error) || !isTransient(error)) this.#options.onFatal(error);
      else this.#options.log.warn("checkpoint failed", { error });
      return false;
    }
  }
}

/** True for an error that leaves database and WAL unchanged, such as a full disk or a busy file. */
function isTransient(error: unknown): boolean {
  return mapSqliteError(error) !== error;
}
