import { DatabaseSync } from "node:sqlite";
import type { ActorDatabase, CommitBatch } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { SqlSession } from "@holdfast/store-sqlite";
import { postgresStoreLimits } from "../../limits.ts";
import type { ChangedPages } from "../commit/statements.ts";
import { fenced, unavailable } from "../errors.ts";
import { WalReader } from "./wal-reader.ts";

/**
 * The local copy can be loaded again, so it is never synced. No other connection opens it, so the index of its log
 * stays in memory.
 */
const pragmas = `
  PRAGMA locking_mode = EXCLUSIVE;
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = OFF;
  PRAGMA wal_autocheckpoint = 0;
  PRAGMA cache_size = -2048;
  PRAGMA trusted_schema = OFF;
  PRAGMA foreign_keys = ON;
`;

export interface OpenDatabaseOptions {
  readonly id: string;
  readonly path: string;
  readonly epoch: number;
  /** Version of the actor. */
  readonly version: number;
  /** Version of the last commit that changed the database, and the number of pages after it. */
  readonly stamp: { readonly version: number; readonly pages: number } | undefined;
  readonly maxBytes: number | undefined;
  /** Called when the owner closes it. */
  readonly onClose: (database: OpenDatabase) => void;
}

/** An actor's database, open for its owner. Turns are committed to the local copy first, without a sync. */
export class OpenDatabase {
  readonly id: string;
  readonly epoch: number;
  readonly #database: DatabaseSync;
  readonly #session: SqlSession;
  readonly #wal: WalReader;
  readonly #walState;
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

  constructor({ id, path, epoch, version, stamp, maxBytes, onClose }: OpenDatabaseOptions) {
    this.id = id;
    this.epoch = epoch;
    this.#version = version;
    this.#pages = stamp?.pages ?? 0;
    this.#onClose = onClose;
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(path, { timeout: 5_000 });
      database.exec(pragmas);
      const pageSize = Number(database.prepare("PRAGMA page_size").get()?.["page_size"]);
      if (maxBytes !== undefined) database.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / pageSize)}`);
      this.#stamp = stamp && { ...stamp, pageSize };
      this.#walState = database.prepare("PRAGMA wal_checkpoint(NOOP)");
      this.#session = new SqlSession(database);
      // The first read in this mode creates the log.
      database.prepare("SELECT count(*) FROM sqlite_schema").get();
      this.#wal = new WalReader(`${path}-wal`);
      this.#database = database;
    } catch (error) {
      database?.close();
      throw mapSqliteError(error);
    }
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
    const changes = this.#wal.read(Number(this.#walState.get()?.["log"] ?? 0));
    if (changes === undefined) return undefined;
    this.#checkpoint(changes.pageSize);
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
  #checkpoint(pageSize: number): void {
    const frames = Number(this.#walState.get()?.["log"] ?? 0);
    if (frames * pageSize < postgresStoreLimits.localCheckpointBytes) return;
    this.#database.exec("PRAGMA wal_checkpoint(PASSIVE)");
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
    this.#failure ??= cause instanceof Error ? cause : unavailable(cause);
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
    if (this.#wal.read(Number(this.#walState.get()?.["log"] ?? 0)) !== undefined) {
      this.fail(new Error("The local copy has changes outside of any turn"));
    }
    this.#isOpen = false;
    this.#wal.close();
    this.#database.close();
  }
}

const FULL = 13;

/** Maps errors of the local disk, which occur before anything is sent. */
export function mapSqliteError(error: unknown): unknown {
  const code = (error as { readonly errcode?: unknown } | null)?.errcode;
  if (typeof code !== "number") return error;
  if ((code & 0xff) === FULL) {
    const message =
      "The local disk is full, or the actor's database has reached its limit; nothing was written. Free space, then retry";
    return new HoldfastError("store", "full", message, { cause: error, metadata: { sqliteCode: code } });
  }
  const message =
    "The local copy of an actor's database cannot be used; nothing was written. Check the cache directory and its disk";
  return new HoldfastError("store", "unavailable", message, { cause: error, metadata: { sqliteCode: code } });
}
