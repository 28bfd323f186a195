import type { DatabaseSync } from "node:sqlite";
import { isFatal } from "../errors.ts";
import { integer } from "../rows.ts";
import type { FileConnection } from "./file-connection.ts";
import type { FileSettings } from "./file-host.ts";

/** Operations of a file that its checkpointer calls. */
export interface FileCheckpointerHooks {
  /** Starts a checkpoint in a thread; {@link FileCheckpointer.threadFinished} reports its end. */
  readonly checkpointInThread: () => void;
  /** A checkpoint failed; the file stays usable. */
  readonly onWarning: (error: unknown) => void;
  /** A checkpoint failed in a way that leaves the content of the file unknown. */
  readonly onFatal: (error: unknown) => void;
}

/**
 * Checkpoints the WAL of one file when it has grown. Right after a commit nothing else writes, so a passive checkpoint
 * moves all of the WAL into the file and the next commit starts it over: overwriting a WAL is quicker to sync than
 * growing it. A thread moves most of a long WAL beforehand, while commits continue.
 */
export class FileCheckpointer {
  readonly #settings: FileSettings;
  readonly #hooks: FileCheckpointerHooks;
  #onlyRestLeft = false;

  constructor(settings: FileSettings, hooks: FileCheckpointerHooks) {
    this.#settings = settings;
    this.#hooks = hooks;
  }

  /**
   * Called after each commit. The length of the WAL comes from SQLite, not from the file system: calling stat makes the
   * next change of the file update its timestamps, which its sync then has to write (Linux 6.13 and later).
   */
  committed({ sql, database, frameBytes, wal }: FileConnection): void {
    const { maxWalBytes, passiveCheckpointBytes } = this.#settings;
    if (this.#onlyRestLeft) {
      this.#onlyRestLeft = false;
      return this.#checkpoint(database);
    }
    const row = sql.walState.get() ?? {};
    const frames = integer(row, "log");
    if (frames * frameBytes >= maxWalBytes) {
      this.#checkpoint(database);
    } else if ((frames - integer(row, "checkpointed")) * frameBytes >= passiveCheckpointBytes) {
      // Small turns touch the same few pages again: on a quick disk, moving them costs less than a thread.
      if (wal.isQuick && frames * frameBytes < 2 * passiveCheckpointBytes) this.#checkpoint(database);
      else this.#hooks.checkpointInThread();
    }
  }

  /** The thread has moved most of the WAL: the next commit moves the rest. */
  threadFinished(): void {
    this.#onlyRestLeft = true;
  }

  #checkpoint(database: DatabaseSync): void {
    try {
      database.exec("PRAGMA wal_checkpoint(PASSIVE)");
    } catch (error) {
      if (isFatal(error)) this.#hooks.onFatal(error);
      else this.#hooks.onWarning(error);
    }
  }
}
