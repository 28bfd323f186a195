/** The database file of an actor with `c.db`, which holds all of the actor's data. */
import { existsSync } from "node:fs";
import type {
  ActorDatabase,
  ActorRecord,
  CallRecord,
  CommitBatch,
  KvEntry,
  KvRange,
  StoredState,
} from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { failed, fenced, indeterminate, isFatal, lostFile, mapSqliteError } from "../errors.ts";
import { bytes, callRecord, integer, optionalInteger } from "../rows.ts";
import { sqliteCode } from "../sqlite-code.ts";
import { FileCheckpointer } from "./file-checkpointer.ts";
import { closeFileConnection, type FileConnection, openFileConnection } from "./file-connection.ts";
import type { FileHost } from "./file-host.ts";
import { type FileContent, fence, writeCommit, writeContent } from "./file-writes.ts";
import { LastWrite } from "./last-write.ts";
import { type FileStatements, filePragmas } from "./schema.ts";
import type { SqlSession } from "./session.ts";
import { UserPragmas } from "./user-pragmas.ts";

/**
 * The SQLite file of one actor, which holds all of its data: its owner, its versions, and the syncs that make them
 * durable. The connection is opened on use, and may be closed between two turns.
 */
export class ActorFile {
  readonly id: string;
  readonly path: string;
  readonly #host: FileHost<ActorFile>;
  #connection: FileConnection | undefined;
  #epoch = 0;
  #version = 0;
  #durableVersion = 0;
  #wakeAt: number | undefined;
  /** False until the first commit: until then nothing refers to the file. */
  exists: boolean;
  /** True while a running actor holds the file. */
  isOwned = false;
  /** True once an owner has released the file while the directory still marks it as open. */
  wasOwned = false;
  #failure: { readonly cause: unknown } | undefined;
  #syncing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  readonly #checkpointer: FileCheckpointer;
  readonly #pragmas = new UserPragmas();
  readonly #lastWrite = new LastWrite();

  constructor(id: string, path: string, host: FileHost<ActorFile>, isNew: boolean) {
    this.id = id;
    this.path = path;
    this.#host = host;
    this.exists = !isNew;
    this.#checkpointer = new FileCheckpointer(host.settings, {
      checkpointInThread: () => host.checkpoint(this),
      onWarning: (error) => host.log.warn("checkpoint failed", { actorId: id, error }),
      onFatal: (error) => void this.#fail(error),
    });
    if (!isNew && !existsSync(path)) throw lostFile(id);
    this.#use();
  }

  get epoch(): number {
    return this.#epoch;
  }

  get wakeAt(): number | undefined {
    return this.#wakeAt;
  }

  get isOpen(): boolean {
    return this.#connection !== undefined;
  }

  get isFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** True if the connection can be closed without losing anything. */
  get isIdle(): boolean {
    return this.#syncing === undefined && this.#connection?.session.inTransaction !== true;
  }

  /** Called for a new owner: undoes uncommitted writes and connection settings of the previous one. */
  acquire(epoch: number): void {
    this.rollback();
    if (this.wasOwned && !this.isFailed) {
      // Pragmas and temporary tables end with the connection, unless a running sync keeps it open.
      this.#pragmas.clear();
      if (this.isIdle) this.suspend();
      else this.#use().database.exec(filePragmas);
    }
    const { sql } = this.#use();
    this.#lastWrite.reset();
    this.#run(() => sql.setEpoch.run(epoch));
    this.#epoch = epoch;
    this.isOwned = true;
  }

  /** Completes a record with the durable version and wake-up time of the file. */
  overlayDurable(record: ActorRecord): ActorRecord {
    const { wakeAt: _, ...rest } = record;
    return {
      ...rest,
      version: this.#durableVersion,
      ...(this.#wakeAt === undefined ? {} : { wakeAt: this.#wakeAt }),
    };
  }

  /** Completes a record for a new owner. Its version becomes durable with the owner's first commit at the latest. */
  overlayCurrent(record: ActorRecord): ActorRecord {
    return { ...this.overlayDurable(record), version: this.#version };
  }

  /** Writes one turn, with the SQL of the user in it, as one transaction. Durable after `synced()`. */
  commit(batch: CommitBatch): void {
    this.assertUsable();
    const connection = this.#use();
    const { session, sql } = connection;
    if (batch.epoch !== this.#epoch || batch.version !== this.#version + 1) throw fenced(this.id);
    this.#lastWrite.save();
    this.#run(() => {
      try {
        session.assertIntact();
        session.begin();
        fence(sql, batch);
        writeCommit(connection, batch, this.#host.now(), this.#host.settings.history);
        session.commit();
      } catch (error) {
        session.rollbackAll();
        throw error;
      }
    });
    this.#version = batch.version;
    if (batch.wakeAt !== undefined) this.#wakeAt = batch.wakeAt ?? undefined;
    this.#checkpointer.committed(this.#use());
  }

  /** Throws `actor.fenced` if the batch must not be committed, after undoing the user's SQL in it. */
  endTurn(batch: CommitBatch): void {
    if (batch.epoch !== this.#epoch || batch.version !== this.#version + 1) throw fenced(this.id);
    this.#use().session.rollbackAll();
  }

  /** Resolves when everything committed before the call is durable. */
  synced(alone = false): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(indeterminate(this.#failure.cause));
    if (this.#durableVersion === this.#version && this.#syncing === undefined) return Promise.resolve();
    if (this.#syncing === undefined) return this.#sync(alone);
    // The running sync may have started before the last commit.
    this.#next ??= this.#syncing.then(() => {
      this.#next = undefined;
      return this.#sync(false);
    });
    return this.#next;
  }

  #sync(alone: boolean): Promise<void> {
    const version = this.#version;
    try {
      const wait = this.#use().wal.sync(alone);
      if (wait === undefined) {
        this.#durableVersion = version;
        return Promise.resolve();
      }
      this.#host.syncs.running += 1;
      this.#syncing = wait.then(
        () => {
          this.#host.syncs.running -= 1;
          this.#syncing = undefined;
          this.#durableVersion = version;
          this.#host.onIdle(this);
        },
        (error: unknown) => {
          this.#host.syncs.running -= 1;
          this.#syncing = undefined;
          throw this.#fail(error);
        },
      );
      return this.#syncing;
    } catch (error) {
      return Promise.reject(this.#fail(error));
    }
  }

  /** Never retried: a second sync may succeed without the data of the first. */
  #fail(cause: unknown): HoldfastError {
    this.#failure ??= { cause };
    this.#host.log.error("file of an actor failed", { actorId: this.id, error: cause });
    return indeterminate(cause);
  }

  assertUsable(): void {
    if (this.#failure !== undefined) throw failed(this.#failure.cause);
  }

  // Reads

  /** The state of the last commit, or at a given time; undefined if there was none. */
  state(at: number = Number.MAX_SAFE_INTEGER): StoredState | undefined {
    const rows = this.read((sql) => sql.stateSince.all(at));
    const [snapshot, ...patches] = rows.map((row) => bytes(row, "bytes"));
    return snapshot === undefined ? undefined : { snapshot, patches };
  }

  call(key: string, now: number): CallRecord | undefined {
    const row = this.read((sql) => sql.getCall.get(key, now));
    return row === undefined ? undefined : callRecord(key, row);
  }

  kvGet(key: Uint8Array): Uint8Array | undefined {
    const row = this.read((sql) => sql.kvGet.get(key));
    return row === undefined ? undefined : bytes(row, "value");
  }

  kvList(range: KvRange): readonly KvEntry[] {
    const limit = Math.max(0, range.limit);
    const rows = this.read((sql) =>
      (range.reverse === true ? sql.kvListReverse : sql.kvList).all(range.start, range.end ?? null, limit),
    );
    return rows.map((row) => ({ key: bytes(row, "key"), value: bytes(row, "value") }));
  }

  read<T>(read: (sql: FileStatements) => T): T {
    this.assertUsable();
    const { sql } = this.#use();
    return this.#run(() => read(sql));
  }

  // User SQL

  /** Opens the database for the owner with this epoch. */
  handle(epoch: number): ActorDatabase {
    let closed = false;
    const own = (): SqlSession => {
      if (closed) throw new HoldfastError("db", "closed", "Database is closed", { statusCode: 503 });
      this.assertUsable();
      if (epoch !== this.#epoch) throw fenced(this.id);
      return this.#use().session;
    };
    const file = this;
    return {
      prepare: (sql) => this.#pragmas.recording(own().prepare(sql), sql),
      get inTransaction() {
        return file.#connection?.session.inTransaction ?? false;
      },
      savepoint: (name) => own().savepoint(name),
      release: (name) => own().release(name),
      rollback: (name) => own().rollback(name),
      settle: () => {
        // From the first commit on, even while it is in flight, transactions end with commits.
        if (this.exists || this.#version > 0) return false;
        own().commit();
        return true;
      },
      close: () => {
        if (closed) return;
        closed = true;
        if (epoch === this.#epoch) this.#host.release(this);
      },
    };
  }

  /** Undoes uncommitted writes. */
  rollback(): void {
    this.#connection?.session.rollbackAll();
  }

  /** Fills the file with the data of an actor that was stored elsewhere so far. */
  fill(content: FileContent): void {
    const { session, sql } = this.#use();
    this.#run(() => {
      session.begin();
      writeContent(sql, this.id, content, this.#host.now());
      session.commit();
    });
    this.#epoch = content.epoch;
    this.#version = content.version;
    this.#wakeAt = content.wakeAt;
  }

  // The connection

  /** Closes the connection; the next use reopens it. */
  suspend(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection === undefined) return;
    this.#lastWrite.save();
    const { id: actorId, path } = this;
    closeFileConnection(connection, this.isFailed ? { actorId, path, log: this.#host.log } : undefined);
  }

  #use(): FileConnection {
    if (this.#connection === undefined) {
      this.#connection = openFileConnection({
        actorId: this.id,
        path: this.path,
        create: !this.exists,
        settings: this.#host.settings,
        pragmas: this.#pragmas,
        lastWrite: this.#lastWrite,
      });
      const row = this.#connection.sql.read.get() ?? {};
      this.#epoch = integer(row, "epoch");
      this.#version = integer(row, "version");
      this.#durableVersion = this.#version;
      this.#wakeAt = optionalInteger(row, "wake_at");
    }
    this.#host.onUse(this);
    return this.#connection;
  }

  #run<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (isFatal(error)) this.#fail(error);
      throw sqliteCode(error) === 0 ? error : mapSqliteError(error);
    }
  }

  /** A checkpoint in a thread has moved most of the WAL. */
  checkpointed(): void {
    this.#checkpointer.threadFinished();
  }
}
