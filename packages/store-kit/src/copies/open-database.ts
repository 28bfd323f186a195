import type { ActorDatabase, CommitBatch } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type { SqlSession } from "@holdfast/store-sqlite";
import { fenced } from "../errors.ts";
import { remoteStoreLimits } from "../limits.ts";
import type { ChangedPages } from "../turns/batch.ts";
import { type LocalFile, mapSqliteError } from "./local-file.ts";

export interface OpenDatabaseOptions {
  readonly id: string;
  readonly file: LocalFile;
  readonly epoch: number;
  /** Version of the actor. */
  readonly version: number;
  /** Version of the last commit that changed the database, and the number of pages after it. */
  readonly stamp: { readonly version: number; readonly pages: number } | undefined;
  /** See `LocalCopies.origin`. */
  readonly origin: string;
  /** Called when the owner closes it. */
  readonly onClose: (database: OpenDatabase) => void;
}

/** An actor's database, open for its owner. Turns are committed to the local copy first, without a sync. */
export class OpenDatabase {
  readonly id: string;
  readonly epoch: number;
  readonly origin: string;
  readonly #file: LocalFile;
  readonly #session: SqlSession;
  readonly #onClose: (database: OpenDatabase) => void;
  #version: number;
  /** The last confirmed commit with pages. */
  #stamp: { readonly version: number; readonly pages: number; readonly pageSize: number } | undefined;
  #pages: number;
  #failure: Error | undefined;
  /** True once another owner has taken over: its SQL is refused, but the copy stays valid. */
  #isRetired = false;
  #isOpen = true;
  /** Number of unanswered commits. */
  #inFlight = 0;
  #onDrained: (() => void)[] = [];

  constructor({ id, file, epoch, version, stamp, origin, onClose }: OpenDatabaseOptions) {
    this.origin = origin;
    this.id = id;
    this.epoch = epoch;
    this.#file = file;
    this.#session = file.session;
    this.#version = version;
    this.#pages = stamp?.pages ?? 0;
    this.#stamp = stamp && { ...stamp, pageSize: file.pageSize };
    this.#onClose = onClose;
  }

  /** Content of the copy if all of it is confirmed; undefined if it must not be used again. */
  get confirmed():
    | { readonly version: number; readonly pages: number; readonly pageSize: number }
    | undefined {
    return this.#failure === undefined ? this.#stamp : undefined;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isRetired(): boolean {
    return this.#isRetired;
  }

  retire(): void {
    this.#isRetired = true;
  }

  /**
   * Commits the turn to the local copy and returns its changed pages, if any. Throws `actor.fenced` for a batch of
   * another epoch or version; the turn then stays open.
   */
  commitLocally(batch: CommitBatch): ChangedPages | undefined {
    if (batch.epoch !== this.epoch || batch.version !== this.#version + 1) throw fenced(this.id);
    if (this.#failure !== undefined) throw this.#failure;
    if (batch.destroyedAt !== undefined) {
      this.#session.rollbackAll();
      return undefined;
    }
    this.#session.assertIntact();
    try {
      this.#session.commit();
    } catch (error) {
      this.#session.rollbackAll();
      throw mapSqliteError(error);
    }
    try {
      return this.#changedPages();
    } catch (error) {
      // The copy holds a turn that cannot be sent.
      this.fail(error);
      throw error;
    }
  }

  #changedPages(): ChangedPages | undefined {
    const changes = this.#file.changes();
    if (changes === undefined) return undefined;
    this.#checkpoint();
    const { pageSize, pages } = changes;
    const hasShrunk = pages < this.#pages;
    this.#pages = pages;
    const changed = [...changes.changed].map(([no, bytes]) => ({ no, bytes }));
    return { pageSize, pages, hasShrunk, changed };
  }

  /**
   * Right after a commit nothing else uses the log, so the checkpoint is complete and the next commit restarts the
   * log.
   */
  #checkpoint(): void {
    if (this.#file.logBytes >= remoteStoreLimits.localCheckpointBytes) this.#file.checkpoint();
  }

  /** Sends a commit of this actor and tracks it until the server answers. */
  async track(batch: CommitBatch, pages: ChangedPages | undefined, send: () => Promise<void>): Promise<void> {
    this.#version = batch.version;
    this.#inFlight += 1;
    try {
      await send();
      if (pages !== undefined) {
        this.#stamp = { version: batch.version, pages: pages.pages, pageSize: pages.pageSize };
      }
    } catch (error) {
      // The copy holds a turn that is not in the database.
      this.fail(error);
      throw error;
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0) for (const resolve of this.#onDrained.splice(0)) resolve();
    }
  }

  /** Resolves when all commits are answered. */
  async drained(): Promise<void> {
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#onDrained.push(resolve));
  }

  /** Marks the copy as unusable. */
  fail(cause: unknown): void {
    this.#failure ??= cause instanceof Error ? cause : new Error("The turn failed", { cause });
  }

  handle(): ActorDatabase {
    let isClosed = false;
    const own = (): SqlSession => {
      if (isClosed) throw new HoldfastError("db", "closed", "Database is closed", { statusCode: 503 });
      if (this.#isRetired) throw fenced(this.id);
      if (this.#failure !== undefined) throw this.#failure;
      return this.#session;
    };
    const opened = this;
    return {
      prepare: (sql) => own().prepare(sql),
      get inTransaction() {
        return opened.#isOpen && opened.#session.inTransaction;
      },
      savepoint: (name) => own().savepoint(name),
      release: (name) => own().release(name),
      rollback: (name) => own().rollback(name),
      settle: () => {
        // After the first commit, even while it is in flight, transactions end with commits.
        if (this.#version > 0) return false;
        own().commit();
        return true;
      },
      close: () => {
        if (isClosed) return;
        isClosed = true;
        this.#onClose(this);
      },
    };
  }

  /** Rolls back uncommitted writes, checkpoints the log and closes the copy. */
  close(): void {
    if (!this.#isOpen) return;
    this.#session.rollbackAll();
    // SQL committed outside of a turn, such as a VACUUM.
    if (this.#file.changes() !== undefined) {
      this.fail(new Error("The local copy has changes outside of any turn"));
    }
    this.#isOpen = false;
    this.#file.close();
  }
}
