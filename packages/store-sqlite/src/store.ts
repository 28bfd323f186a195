import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type {
  ActorPage,
  ActorRecord,
  ArchiveSource,
  CallRecord,
  CommitBatch,
  DatabaseStore,
  DueCursor,
  DueFilter,
  HistoryStore,
  KvEntry,
  KvRange,
  ListFilter,
  ListQuery,
  LoadedActor,
} from "@holdfast/actors";
import { blobReferencePrefix } from "@holdfast/actors";
import { type ActorKey, encodeKey, HoldfastError, type Ports } from "@holdfast/core";
import type { ActorFile } from "./internal/actor-file/actor-file.ts";
import { FileDirectory } from "./internal/actor-file/directory.ts";
import { FileCommits } from "./internal/actor-file/file-commits.ts";
import { ActorFiles } from "./internal/actor-file/files.ts";
import { forgetShared, readShared } from "./internal/actor-file/shared.ts";
import { Blobs } from "./internal/blobs.ts";
import { ActorRowCache } from "./internal/commit/actor-row-cache.ts";
import {
  applyAcquire,
  applyCommit,
  applyFastCommit,
  checkCommit,
  type Tables,
} from "./internal/commit/apply.ts";
import { Checkpointer } from "./internal/commit/checkpointer.ts";
import { GroupCommitter } from "./internal/commit/group-committer.ts";
import { UnsyncedEpochs } from "./internal/commit/unsynced-epochs.ts";
import { Wal } from "./internal/commit/wal.ts";
import { databaseName, makeDirectory, openDatabase, pageSize } from "./internal/database.ts";
import { filteredDue } from "./internal/due.ts";
import { mapSqliteError } from "./internal/errors.ts";
import { SqliteArchives, storeId } from "./internal/history/archives.ts";
import { backupDatabase } from "./internal/history/backup.ts";
import { backupFiles } from "./internal/history/backup-files.ts";
import { SqliteHistory } from "./internal/history/history.ts";
import { actorRecord, bytes, callRecord, integer } from "./internal/rows.ts";
import { namespaceParameters, prepareStatements, type Statements } from "./internal/statements.ts";
import { WorkerThread } from "./internal/worker-thread.ts";
import { sqliteStoreLimits } from "./limits.ts";
import { type DataDirectoryLock, lockFile } from "./lock.ts";
import type { SqliteBackup, SqliteStore, SqliteStoreOptions, SqliteStoreStats } from "./types.ts";

/**
 * Opens or creates the store in a directory, and locks the directory for this process.
 *
 * Throws `store.locked` (held by another process), `store.corrupt`, `store.format_too_new` (written by a newer
 * release), `store.unavailable` (the directory cannot be created or written), `store.full`.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const lock = prepareDirectory(options.path);
  let database: DatabaseSync | undefined;
  try {
    database = openDatabase(options.path, options.maxDatabaseBytes);
    return new OpenStore(options, lock, database);
  } catch (error) {
    database?.close();
    lock.release();
    throw mapSqliteError(error);
  }
}

function prepareDirectory(path: string): DataDirectoryLock {
  try {
    makeDirectory(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError("store", "unavailable", `The directory ${path} cannot be created: ${reason}`, {
      cause,
    });
  }
  return lockFile(path, "store-lock");
}

/** The open store: routes each operation to the shared database, or to the file of the actor. */
class OpenStore implements SqliteStore {
  readonly #file: string;
  readonly #ports: Ports;
  readonly #lock: DataDirectoryLock;
  readonly #database: DatabaseSync;
  readonly #sql: Statements;
  readonly #tables: Tables;
  readonly #wal: Wal;
  readonly #thread: WorkerThread;
  readonly #checkpointer: Checkpointer;
  readonly #group: GroupCommitter;
  readonly #walBytes: (frames: number) => number;
  readonly #files: ActorFiles;
  readonly #fileCommits: FileCommits;
  readonly databases: DatabaseStore;
  readonly blobs: Blobs;
  readonly history: HistoryStore;
  readonly #unsyncedEpochs = new UnsyncedEpochs();
  readonly #backups = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(options: SqliteStoreOptions, lock: DataDirectoryLock, database: DatabaseSync) {
    this.#file = join(options.path, databaseName);
    this.#ports = options.ports;
    this.#lock = lock;
    this.#database = database;
    this.#sql = prepareStatements(database);
    const rowCache = new ActorRowCache(integer(this.#sql.lastPatch.get() ?? {}, "no"));
    this.#tables = { sql: this.#sql, rowCache };
    this.#wal = new Wal(`${this.#file}-wal`, options.syncFile);
    const maxWalBytes = options.maxWalBytes ?? sqliteStoreLimits.maxWalBytes;
    this.#wal.reserve(0, maxWalBytes);
    this.#thread = new WorkerThread(this.#file);
    const frameBytes = pageSize(database) + 24;
    this.#walBytes = (frames) => (frames === 0 ? 0 : 32 + frames * frameBytes);
    this.#checkpointer = new Checkpointer({
      thread: this.#thread,
      wal: this.#wal,
      log: options.ports.log,
      walBytes: this.#walBytes,
      passiveBytes: options.passiveCheckpointBytes ?? sqliteStoreLimits.passiveCheckpointBytes,
      maxWalBytes,
      onFatal: (cause) => this.#group.fail(cause),
    });
    this.#group = new GroupCommitter({
      ports: options.ports,
      sql: this.#sql,
      inTransaction: () => database.isTransaction,
      wal: this.#wal,
      walBytes: this.#walBytes,
      maxWalBytes,
      onUndone: () => rowCache.clear(),
      onGroup: (state) => this.#checkpointer.onGroup(state),
      ...(options.onSync === undefined ? {} : { onSync: options.onSync }),
    });
    const directory = new FileDirectory(database);
    this.blobs = new Blobs(options.path, () => this.#files.setDirty());
    this.#files = new ActorFiles({
      path: options.path,
      ports: options.ports,
      directory,
      write: (actorId, work, hides = false) => this.#group.run({ actorId, work, hides }),
      shared: (id) =>
        this.#group.readUnsynced(() => readShared(this.#sql, database, id, options.ports.clock.now())),
      forgetShared: (id) => forgetShared(this.#tables, database, id),
      recover: (files) => this.blobs.sweep((id, hash) => this.#refersTo(files, id, hash)),
      maxOpenFiles: options.maxOpenFiles ?? sqliteStoreLimits.maxOpenFiles,
      settings: {
        history: {
          maxAgeMs: options.history?.maxAgeMs ?? sqliteStoreLimits.historyMaxAgeMs,
          maxBytes: options.history?.maxBytes ?? sqliteStoreLimits.historyMaxBytes,
        },
        syncFile: options.syncFile,
        maxFileBytes: options.maxActorDatabaseBytes,
        maxWalBytes: sqliteStoreLimits.maxFileWalBytes,
        passiveCheckpointBytes: sqliteStoreLimits.fileCheckpointBytes,
      },
    });
    this.#fileCommits = new FileCommits(this.#files, directory, this.#tables, (change) =>
      this.#group.run(change),
    );
    this.history = new SqliteHistory({
      path: options.path,
      file: this.#file,
      tables: this.#tables,
      group: this.#group,
      files: this.#files,
      fileCommits: this.#fileCommits,
      blobs: this.blobs,
      get: (id) => this.get(id),
    });
    this.databases = {
      open: async (id, epoch, isNew) => {
        this.#group.assertUsable();
        return this.#files.open(id, epoch, isNew);
      },
    };
  }

  async find(name: string, key: ActorKey): Promise<ActorRecord | undefined> {
    const encoded = encodeKey(key);
    const record = await this.#group.read(
      () => optional(this.#sql.find.get(name, encoded), actorRecord),
      seenActor,
    );
    return optional(record, (known) => this.#fileCommits.overlay(known));
  }

  async get(id: string): Promise<ActorRecord | undefined> {
    const record = await this.#group.read(() => optional(this.#sql.get.get(id), actorRecord), seenActor);
    return optional(record, (known) => this.#fileCommits.overlay(known));
  }

  async list(query: ListQuery): Promise<ActorPage> {
    const limit = pageLimit(query.limit);
    const after = query.cursor ?? "";
    const rows = await this.#group.read(
      () => this.#listRows(query, after, limit + 1),
      () => "many",
    );
    const actors = rows.slice(0, limit).map(actorRecord);
    const last = actors.at(-1);
    return { actors, ...(rows.length > limit && last !== undefined ? { cursor: last.id } : {}) };
  }

  /** The indexes cover name and position; other filters are checked row by row. */
  #listRows(query: ListQuery, after: string, limit: number) {
    const { name, namespaces, keyPrefix, createdAfter } = query;
    if (namespaces === undefined && keyPrefix === undefined && createdAfter === undefined) {
      return name === undefined
        ? this.#sql.list.all(after, limit)
        : this.#sql.listName.all(name, after, limit);
    }
    const filter = [keyPrefix ?? "", createdAfter ?? -1, after, limit] as const;
    if (namespaces !== undefined) {
      return this.#sql.listNamespace.all(...filter, name ?? null, ...namespaceParameters(namespaces));
    }
    return name === undefined
      ? this.#sql.listFiltered.all(...filter)
      : this.#sql.listNameFiltered.all(...filter, name);
  }

  async count(filter: ListFilter): Promise<number> {
    const { name, namespaces, keyPrefix = "", createdAfter = -1 } = filter;
    const { count, countName, countNamespace } = this.#sql;
    const row = await this.#group.read(
      () => {
        if (namespaces !== undefined) {
          const names = namespaceParameters(namespaces);
          return countNamespace.get(keyPrefix, createdAfter, name ?? null, ...names);
        }
        return name === undefined
          ? count.get(keyPrefix, createdAfter)
          : countName.get(keyPrefix, createdAfter, name);
      },
      () => "many",
    );
    return integer(row ?? {}, "n");
  }

  async acquire(id: string): Promise<LoadedActor> {
    let loaded: LoadedActor | undefined;
    let hasFile = false;
    const work = () => {
      const found = applyAcquire(this.#sql, id);
      hasFile = this.#fileCommits.markOpen(id);
      loaded = found;
    };
    const isDurable = !this.#group.isPending(id);
    const raised = this.#group.run({ actorId: id, work, callers: isDurable ? 0 : 1 });
    if (isDurable && !hasFile && loaded !== undefined) {
      this.#unsyncedEpochs.add(id, raised);
      return loaded;
    }
    await raised;
    if (loaded === undefined) throw new Error("An acquisition resolved before it was applied");
    return hasFile ? this.#fileCommits.load(loaded) : loaded;
  }

  commit(batch: CommitBatch): Promise<void> {
    try {
      checkCommit(batch);
    } catch (error) {
      return Promise.reject(error);
    }
    const committed = this.#commit(batch);
    if (batch.destroyedAt === undefined || !this.blobs.has(batch.actorId)) return committed;
    return this.#removeBlobs(batch.actorId, committed);
  }

  async #removeBlobs(actorId: string, destroyed: Promise<void>): Promise<void> {
    await Promise.all([this.#files.setDirty(), destroyed]);
    this.blobs.removeAll(actorId);
  }

  #commit(batch: CommitBatch): Promise<void> {
    const file = this.#files.get(batch.actorId);
    if (file !== undefined) return this.#commitToFile(file, batch);
    const committed = this.#group.run({
      actorId: batch.actorId,
      fastPath: () => applyFastCommit(this.#tables, batch, this.#ports.clock.now()),
      work: () =>
        applyCommit(this.#tables, batch, {
          now: this.#ports.clock.now(),
          limits: this.#files.settings.history,
        }),
      hides: batch.destroyedAt !== undefined,
      // Examines twice as many records as were added: the expired ones are removed soon, and no single commit pays for
      // many.
      prunes: 2 * (batch.calls?.length ?? 0),
      callers: batch.calls?.length ?? 1,
    });
    return this.#unsyncedEpochs.before(batch.actorId, committed);
  }

  /** Whether an actor has a record that refers to an object. */
  #refersTo(files: ActorFiles, actorId: string, hash: string): boolean {
    const start = blobReferencePrefix(hash);
    const end = Buffer.concat([start, Buffer.from([0xff])]);
    return files.hasEntry(actorId, { start, end }) ?? this.#sql.kvList.all(actorId, start, end, 1).length > 0;
  }

  async #commitToFile(file: ActorFile, batch: CommitBatch): Promise<void> {
    this.#group.assertUsable();
    return this.#fileCommits.commit(file, batch);
  }

  async call(actorId: string, idempotencyKey: string): Promise<CallRecord | undefined> {
    const now = this.#ports.clock.now();
    const file = this.#fileOf(actorId);
    if (file !== undefined) {
      await file.synced();
      return file.call(idempotencyKey, now);
    }
    return this.#group.read(
      () =>
        optional(this.#sql.getCall.get(actorId, idempotencyKey, now), (row) =>
          callRecord(idempotencyKey, row),
        ),
      // The absence of a record does not depend on commits in flight.
      (record) => (record === undefined ? "absent" : actorId),
    );
  }

  async kvGet(actorId: string, key: Uint8Array): Promise<Uint8Array | undefined> {
    const file = this.#fileOf(actorId);
    if (file !== undefined) return file.kvGet(key);
    return this.#group.readUnsynced(() =>
      optional(this.#sql.kvGet.get(actorId, key), (row) => bytes(row, "value")),
    );
  }

  async kvList(actorId: string, range: KvRange): Promise<readonly KvEntry[]> {
    const file = this.#fileOf(actorId);
    if (file !== undefined) return file.kvList(range);
    const statement = range.reverse === true ? this.#sql.kvListReverse : this.#sql.kvList;
    const limit = Math.max(0, range.limit);
    const rows = this.#group.readUnsynced(() =>
      statement.all(actorId, range.start, range.end ?? null, limit),
    );
    return rows.map((row) => ({ key: bytes(row, "key"), value: bytes(row, "value") }));
  }

  /** The file of an actor, if it has one. */
  #fileOf(actorId: string): ActorFile | undefined {
    this.#group.assertUsable();
    return this.#files.find(actorId);
  }

  async due(
    now: number,
    limit: number,
    after: DueCursor = { wakeAt: Number.MIN_SAFE_INTEGER, id: "" },
    filter?: DueFilter,
  ): Promise<{ readonly actors: readonly ActorRecord[]; readonly nextAt?: number }> {
    const page = pageLimit(limit);
    return this.#group.read(
      () => {
        if (filter !== undefined) return filteredDue(this.#sql, now, page, after, filter);
        const actors = this.#sql.due.all(now, after.wakeAt, after.id, page).map(actorRecord);
        const next = this.#sql.nextWake.get(after.wakeAt, after.id);
        return { actors, ...(next === undefined ? {} : { nextAt: integer(next, "wake_at") }) };
      },
      () => "many",
    );
  }

  async backup(directory: string): Promise<SqliteBackup> {
    this.#group.assertUsable();
    const backup = this.blobs.withoutRemovals(() =>
      backupDatabase(this.#file, directory, (database, thread) =>
        backupFiles({
          from: dirname(this.#file),
          to: directory,
          database,
          thread,
          blobs: this.blobs,
          settled: async (id) => this.#files.get(id)?.synced(),
          now: this.#ports.clock.now(),
        }),
      ),
    );
    this.#backups.add(backup);
    try {
      return await backup;
    } finally {
      this.#backups.delete(backup);
    }
  }

  async archives(): Promise<ArchiveSource> {
    let id = "";
    const work = () => {
      id = storeId(this.#database);
    };
    await this.#group.run({ actorId: "", work });
    const path = dirname(this.#file);
    return new SqliteArchives({ id, path, file: this.#file, files: this.#files, blobs: this.blobs });
  }

  stats(): SqliteStoreStats {
    return {
      ...this.#group.counters,
      checkpoints: this.#checkpointer.count,
      walBytes: statSync(`${this.#file}-wal`).size,
      openFiles: this.#files.openCount,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * The last connection to close moves the WAL into the database and removes it. After a failed sync the content of
   * the WAL cannot be trusted, so this connection, which cannot write, is closed last.
   */
  #openReader(): DatabaseSync | undefined {
    try {
      const reader = new DatabaseSync(this.#file, { readOnly: true });
      reader.prepare("SELECT count(*) FROM meta").get();
      return reader;
    } catch (error) {
      this.#ports.log.warn("failed store cannot be read", { error });
      return undefined;
    }
  }

  /**
   * After the last group: closing the connection makes it durable. On a full disk nothing is written, which the next
   * start repairs.
   */
  #lastTransaction(work: () => void): void {
    try {
      this.#sql.begin.run();
      work();
      this.#sql.commit.run();
    } catch (error) {
      if (this.#database.isTransaction) this.#sql.rollback.run();
      this.#ports.log.warn("directory of actor files is left to the next opening", { error });
    }
  }

  async #close(): Promise<void> {
    this.#group.close();
    await this.#group.drain();
    await Promise.allSettled(this.#backups);
    await this.#checkpointer.stop();
    await this.#files.close(this.#group.isFailed ? undefined : (work) => this.#lastTransaction(work));
    const last = this.#group.isFailed ? this.#openReader() : undefined;
    await this.#thread.close();
    this.#wal.close();
    this.#database.close();
    last?.close();
    this.#lock.release();
  }
}

function optional<T, R>(value: T | undefined, map: (value: T) => R): R | undefined {
  return value === undefined ? undefined : map(value);
}

function seenActor(record: ActorRecord | undefined): string {
  return record === undefined ? "absent" : record.id;
}

/** Pages are bounded, whatever limit the caller passes. */
function pageLimit(limit: number): number {
  return Math.max(0, Math.min(limit, sqliteStoreLimits.maxPageSize));
}
