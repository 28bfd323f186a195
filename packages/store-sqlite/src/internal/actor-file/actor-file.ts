/** The database file of an actor with `c.db`, which holds all of the actor's data. */
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type {
  ActorDatabase,
  ActorRecord,
  ActorStatement,
  CallRecord,
  CommitBatch,
  KvEntry,
  KvOperation,
  KvRange,
  StoredState,
} from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { CallPruner } from "../call-pruner.ts";
import { Wal } from "../commit/wal.ts";
import { pageSize } from "../database.ts";
import {
  failed,
  fenced,
  indeterminate,
  invalidCommit,
  isFatal,
  lostFile,
  mapSqliteError,
  sqliteCode,
} from "../errors.ts";
import { bytes, callRecord, integer, optionalInteger } from "../rows.ts";
import type { FileHost } from "./file-host.ts";
import { LastWrite } from "./last-write.ts";
import {
  checkFileFormat,
  createFileTables,
  type FileStatements,
  filePragmas,
  prepareFileStatements,
} from "./schema.ts";
import { SqlSession } from "./session.ts";
import { pruneHistory } from "./state-log.ts";

/**
 * The open connection of a file and everything that depends on it. Closed when the file is suspended, opened again on
 * use.
 */
interface Connection {
  readonly database: DatabaseSync;
  readonly session: SqlSession;
  readonly sql: FileStatements;
  readonly wal: Wal;
  readonly frameBytes: number;
}

/** All data of an actor except the user's tables. */
export interface FileContent {
  readonly epoch: number;
  readonly version: number;
  readonly wakeAt: number | undefined;
  readonly state: StoredState | undefined;
  readonly kv: readonly KvEntry[];
  readonly calls: readonly CallRecord[];
}

/** The SQLite file of one actor, which holds all of its data. */
export class ActorFile {
  #calls: { readonly sql: FileStatements; readonly pruner: CallPruner } | undefined;
  readonly id: string;
  readonly path: string;
  readonly #host: FileHost<ActorFile>;
  #connection: Connection | undefined;
  #epoch = 0;
  #version = 0;
  #durableVersion = 0;
  #wakeAt: number | undefined;
  /** False until the first commit: until then nothing refers to the file. */
  exists: boolean;
  /** True while a running actor holds the file. */
  held = false;
  /** True once an owner has released the file while the directory still marks it as open. */
  wasHeld = false;
  #failure: { readonly cause: unknown } | undefined;
  #syncing: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #mostlyMoved = false;
  /** The user's pragmas, which last as long as a connection. */
  readonly #pragmas = new Map<string, string>();
  readonly #last = new LastWrite();

  constructor(id: string, path: string, host: FileHost<ActorFile>, isNew: boolean) {
    this.id = id;
    this.path = path;
    this.#host = host;
    this.exists = !isNew;
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
  get isQuiet(): boolean {
    return this.#syncing === undefined && this.#connection?.session.inTransaction !== true;
  }

  /** Called for a new owner: undoes uncommitted writes and connection settings of the previous one. */
  acquire(epoch: number): void {
    this.rollback();
    if (this.wasHeld && !this.isFailed) {
      // Pragmas and temporary tables end with the connection, unless a running sync keeps it open.
      this.#pragmas.clear();
      if (this.isQuiet) this.suspend();
      else this.#use().database.exec(filePragmas);
    }
    const { sql } = this.#use();
    this.#last.forget();
    this.#run(() => sql.setEpoch.run(epoch));
    this.#epoch = epoch;
    this.held = true;
  }

  /** The record, completed with what only the file has. */
  overlay(record: ActorRecord): ActorRecord {
    const { wakeAt: _, ...rest } = record;
    return {
      ...rest,
      version: this.#durableVersion,
      ...(this.#wakeAt === undefined ? {} : { wakeAt: this.#wakeAt }),
    };
  }

  /** The record for a new owner; durable with the owner's first commit at the latest. */
  current(record: ActorRecord): ActorRecord {
    return { ...this.overlay(record), version: this.#version };
  }

  /** Writes one turn, with the SQL of the user in it, as one transaction. Durable after `synced()`. */
  commit(batch: CommitBatch): void {
    this.assertUsable();
    const { session, sql } = this.#use();
    if (batch.epoch !== this.#epoch || batch.version !== this.#version + 1) throw fenced(this.id);
    this.#last.keep();
    this.#run(() => {
      try {
        session.assertIntact();
        session.begin();
        this.#fence(sql, batch);
        this.#write(sql, batch);
        session.commit();
      } catch (error) {
        session.rollbackAll();
        throw error;
      }
    });
    this.#version = batch.version;
    if (batch.wakeAt !== undefined) this.#wakeAt = batch.wakeAt ?? undefined;
    this.#checkpoint();
  }

  /** Throws `actor.fenced` if the batch must not be committed, after undoing the user's SQL in it. */
  endTurn(batch: CommitBatch): void {
    if (batch.epoch !== this.#epoch || batch.version !== this.#version + 1) throw fenced(this.id);
    this.#use().session.rollbackAll();
  }

  #fence(sql: FileStatements, batch: CommitBatch): void {
    const { changes } =
      batch.wakeAt === undefined
        ? sql.fence.run(batch.commitId, batch.epoch, batch.version - 1)
        : sql.fenceAndWake.run(batch.commitId, batch.epoch, batch.version - 1, batch.wakeAt);
    if (changes !== 1) throw fenced(this.id);
  }

  /** One object for each time the file is opened. */
  #prunerOf(sql: FileStatements): CallPruner {
    if (this.#calls?.sql !== sql) this.#calls = { sql, pruner: new CallPruner(sql) };
    return this.#calls.pruner;
  }

  #write(sql: FileStatements, batch: CommitBatch): void {
    const now = this.#host.now();
    if (batch.state !== undefined) {
      const isSnapshot = batch.state.type === "snapshot";
      if (!isSnapshot && sql.hasSnapshot.get() === undefined) {
        throw invalidCommit("A patch needs an earlier snapshot");
      }
      sql.putState.run(batch.version, now, isSnapshot ? 1 : 0, batch.state.bytes);
      if (isSnapshot) pruneHistory(sql, now, this.#host.settings.history);
    }
    for (const operation of batch.kv ?? []) writeKv(sql, operation);
    for (const call of batch.calls ?? []) {
      sql.putCall.run(call.key, call.status, call.outcome ?? null, call.expiresAt);
    }
    if (batch.calls !== undefined) this.#prunerOf(sql).prune(now, 2 * batch.calls.length);
  }

  /** Resolves when everything committed before the call is durable. */
  synced(alone = false): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(indeterminate(this.#failure.cause));
    if (this.#durableVersion === this.#version && this.#syncing === undefined) return Promise.resolve();
    if (this.#syncing === undefined) return this.#sync(alone);
    // The running sync may have begun before the last commit.
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
          this.#host.quiet(this);
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
      prepare: (sql) => this.#watched(own().prepare(sql), sql),
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

  /** Applies the connection pragmas again after the file was reopened for the same owner. */
  #watched(statement: ActorStatement | undefined, sql: string): ActorStatement | undefined {
    if (statement?.kind !== "alone") return statement;
    const remember = <T>(result: T): T => {
      const pragma = /^[\s;]*pragma\s+(foreign_keys)\b/i.exec(sql);
      if (pragma?.[1] !== undefined) {
        const text = statement.rest === "" ? sql : sql.slice(0, sql.length - statement.rest.length);
        this.#pragmas.set(pragma[1].toLowerCase(), text);
      }
      return result;
    };
    const { kind, rest, columns } = statement;
    return {
      ...{ kind, rest, columns },
      rows: (parameters) => remember(statement.rows(parameters)),
      values: (parameters) => remember(statement.values(parameters)),
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
      sql.setOwner.run(this.id, content.epoch, content.version, content.wakeAt ?? null);
      const now = this.#host.now();
      const states = content.state === undefined ? [] : [content.state.snapshot, ...content.state.patches];
      for (const [index, part] of states.entries()) {
        sql.putState.run(content.version, now, index === 0 ? 1 : 0, part);
      }
      for (const { key, value } of content.kv) sql.kvPut.run(key, value);
      for (const call of content.calls) {
        sql.putCall.run(call.key, call.status, call.outcome ?? null, call.expiresAt);
      }
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
    this.#last.keep();
    // After a failed sync the log must not be checkpointed: the next process decides what it contains.
    const last = this.isFailed ? this.#reader() : undefined;
    connection.wal.close();
    connection.database.close();
    last?.close();
  }

  #reader(): DatabaseSync | undefined {
    try {
      const reader = new DatabaseSync(this.path, { readOnly: true });
      reader.prepare("SELECT count(*) FROM _holdfast_meta").get();
      return reader;
    } catch (error) {
      this.#host.log.warn("failed file cannot be read", { actorId: this.id, error });
      return undefined;
    }
  }

  #use(): Connection {
    if (this.#connection === undefined) {
      this.#connection = this.#open();
      const row = this.#connection.sql.read.get() ?? {};
      this.#epoch = integer(row, "epoch");
      this.#version = integer(row, "version");
      this.#durableVersion = this.#version;
      this.#wakeAt = optionalInteger(row, "wake_at");
    }
    this.#host.used(this);
    return this.#connection;
  }

  #open(): Connection {
    let database: DatabaseSync | undefined;
    try {
      database = new DatabaseSync(this.path, { timeout: 5_000 });
      database.exec(`PRAGMA journal_mode = WAL; ${filePragmas}`);
      if (
        !this.exists &&
        database.prepare("SELECT 1 FROM sqlite_schema WHERE name = '_holdfast_meta'").get() === undefined
      ) {
        database.exec("BEGIN IMMEDIATE");
        createFileTables(database, this.id);
        database.exec("COMMIT");
      }
      checkFileFormat(database);
      const { maxFileBytes, syncFile } = this.#host.settings;
      if (maxFileBytes !== undefined) {
        database.exec(`PRAGMA max_page_count = ${Math.floor(maxFileBytes / pageSize(database))}`);
      }
      for (const pragma of this.#pragmas.values()) database.exec(pragma);
      const sql = prepareFileStatements(database);
      const session = new SqlSession(database, this.#last);
      this.#last.attach(database);
      const wal = new Wal(`${this.path}-wal`, syncFile);
      return { database, session, sql, wal, frameBytes: pageSize(database) + 24 };
    } catch (error) {
      database?.close();
      throw mapSqliteError(error);
    }
  }

  #run<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (isFatal(error)) this.#fail(error);
      throw sqliteCode(error) === 0 ? error : mapSqliteError(error);
    }
  }

  /**
   * Checkpoints the log when it has grown. Right after a commit nobody else writes, so a passive checkpoint moves all
   * of it and the next commit starts it over. A thread moves most of it beforehand, while commits continue.
   * Overwriting a log is quicker to sync than growing it.
   *
   * The length of the log comes from SQLite, not from the file system: calling stat makes the next change of the file
   * update its timestamps, which its sync then has to write (Linux 6.13 and later).
   */
  #checkpoint(): void {
    const { sql, database, frameBytes, wal } = this.#use();
    const { maxWalBytes, passiveCheckpointBytes } = this.#host.settings;
    if (this.#mostlyMoved) {
      this.#mostlyMoved = false;
      return this.#moveRest(database);
    }
    const row = sql.walState.get() ?? {};
    const frames = integer(row, "log");
    if (frames * frameBytes >= maxWalBytes) {
      this.#moveRest(database);
    } else if ((frames - integer(row, "checkpointed")) * frameBytes >= passiveCheckpointBytes) {
      // Small turns touch the same few pages again: on a quick disk, moving them costs less than a thread.
      if (wal.isQuick && frames * frameBytes < 2 * passiveCheckpointBytes) this.#moveRest(database);
      else this.#host.checkpoint(this);
    }
  }

  /** A thread has just moved the rest. */
  mostlyMoved(): void {
    this.#mostlyMoved = true;
  }

  #moveRest(database: DatabaseSync): void {
    try {
      database.exec("PRAGMA wal_checkpoint(PASSIVE)");
    } catch (error) {
      if (isFatal(error)) this.#fail(error);
      else this.#host.log.warn("checkpoint failed", { actorId: this.id, error });
    }
  }
}

function writeKv(sql: FileStatements, operation: KvOperation): void {
  switch (operation.type) {
    case "put":
      sql.kvPut.run(operation.key, operation.value);
      return;
    case "delete":
      sql.kvDelete.run(operation.key);
      return;
    case "delete-range":
      if (operation.end === undefined) sql.kvDeleteFrom.run(operation.start);
      else sql.kvDeleteRange.run(operation.start, operation.end);
  }
}
