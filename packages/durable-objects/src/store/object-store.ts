/** The store of one Durable Object. */
import type {
  ActorPage,
  ActorRecord,
  ActorStore,
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
  NamespaceFilter,
} from "@holdfast/actors";
import { type ActorKey, type Clock, encodeKey, HoldfastError } from "@holdfast/core";
import { mapSqlError, notFound, notSupported } from "../errors.ts";
import { durableObjectLimits } from "../limits.ts";
import type { ObjectStorage, SqlBinding, SqlStorage } from "../platform.ts";
import { ObjectBlobs } from "./blobs.ts";
import { applyCommit, checkCommit, type Tables } from "./commit.ts";
import { ObjectDatabases } from "./databases.ts";
import { ObjectHistory } from "./history.ts";
import { Pieces } from "./pieces.ts";
import { actorRecord, integer, optionalBytes, type Row, recordColumns } from "./rows.ts";
import { prepareSchema } from "./schema.ts";
import { StateLogs } from "./state-log.ts";

/**
 * Opens the store in the storage of an object. A commit resolves as soon as it is applied: the platform holds every
 * output of the object until its writes are durable, and resets the object if they cannot be.
 */
export function openObjectStore(
  storage: ObjectStorage,
  clock: Clock,
  options: ObjectStoreOptions = {},
): ActorStore {
  prepareSchema(storage);
  return new ObjectStore(storage, clock, options);
}

export interface ObjectStoreOptions {
  /**
   * True where each object has one actor: what would list actors, or add one under another key, is refused with
   * `gateway.not_supported`.
   */
  readonly holdsOneActor?: boolean;
  /** Undoes what was written in this macrotask: a turn with SQL has failed. */
  readonly undo?: () => void;
}

class ObjectStore implements ActorStore {
  readonly #storage: ObjectStorage;
  readonly #sql: SqlStorage;
  readonly #clock: Clock;
  readonly #tables: Tables;
  readonly #databases: ObjectDatabases;
  readonly #holdsOneActor: boolean;
  readonly databases: DatabaseStore;
  readonly blobs: ObjectBlobs;
  readonly history: HistoryStore;
  #isClosed = false;

  constructor(
    storage: ObjectStorage,
    clock: Clock,
    { holdsOneActor = false, undo = () => {} }: ObjectStoreOptions,
  ) {
    this.#holdsOneActor = holdsOneActor;
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#clock = clock;
    const pieces = new Pieces(storage.sql);
    this.blobs = new ObjectBlobs(storage, pieces);
    this.blobs.sweep();
    this.#tables = {
      sql: storage.sql,
      pieces,
      states: new StateLogs(storage.sql, pieces),
      blobs: this.blobs,
    };
    this.#databases = new ObjectDatabases(storage, undo);
    this.databases = this.#databases;
    this.history = new ObjectHistory({
      tables: this.#tables,
      now: () => clock.now(),
      transaction: (work) => storage.transactionSync(work),
      get: (id) => this.#get(id),
      assertMayRestore: () => this.#assertHoldsMany("A copy of an actor"),
      kvList: (id, start, limit) => this.#kvList(id, { start, limit }),
    });
  }

  async find(name: string, key: ActorKey): Promise<ActorRecord | undefined> {
    const [row] = this.#rows(
      `SELECT ${recordColumns} FROM _holdfast_actor WHERE name = ? AND key = ? AND destroyed_at IS NULL`,
      ...[name, encodeKey(key)],
    );
    return row && actorRecord(row);
  }

  async get(id: string): Promise<ActorRecord | undefined> {
    return this.#get(id);
  }

  #get(id: string): ActorRecord | undefined {
    const [row] = this.#rows(`SELECT ${recordColumns} FROM _holdfast_actor WHERE id = ?`, id);
    return row && actorRecord(row);
  }

  async list(query: ListQuery): Promise<ActorPage> {
    this.#assertHoldsMany("A list of actors");
    const limit = pageLimit(query.limit);
    const actors = this.#matching(query, query.cursor ?? "", limit + 1).map(actorRecord);
    const page = actors.slice(0, limit);
    const last = page.at(-1);
    return { actors: page, ...(actors.length > limit && last !== undefined ? { cursor: last.id } : {}) };
  }

  async count(filter: ListFilter): Promise<number> {
    this.#assertHoldsMany("A count of actors");
    return this.#matching(filter, "", Number.MAX_SAFE_INTEGER).length;
  }

  /** An object has few actors: all but one are destroyed ones. */
  #matching(filter: ListFilter, after: string, limit: number): readonly Row[] {
    const { name, namespaces, keyPrefix = "", createdAfter = -1 } = filter;
    const rows = this.#rows(
      `SELECT ${recordColumns} FROM _holdfast_actor WHERE destroyed_at IS NULL AND id > ?1
        AND substr(key, 1, length(?2)) = ?2 AND created_at > ?3 AND (?4 IS NULL OR name = ?4) ORDER BY id`,
      ...[after, keyPrefix, createdAfter, name ?? null],
    );
    const selected = rows.filter(
      (row) => namespaces === undefined || isWithin(String(row["name"]), namespaces),
    );
    return selected.slice(0, limit);
  }

  async acquire(id: string): Promise<LoadedActor> {
    this.#assertOpen();
    const [row] = this.#sql
      .exec(
        `UPDATE _holdfast_actor SET epoch = epoch + 1 WHERE id = ? AND destroyed_at IS NULL RETURNING ${recordColumns}, has_database`,
        id,
      )
      .toArray();
    if (row === undefined) throw notFound(id);
    this.#databases.acquired(id);
    const [last] = this.#rows("SELECT max(expires_at) AS until FROM _holdfast_call WHERE actor = ?", id);
    const state = this.#tables.states.load(id);
    return {
      record: actorRecord(row),
      callsUntil: Number(last?.["until"] ?? 0),
      ...(integer(row, "has_database") === 1 ? { hasDatabase: true } : {}),
      ...(state === undefined ? {} : { state }),
    };
  }

  async commit(batch: CommitBatch): Promise<void> {
    this.#assertOpen();
    checkCommit(batch);
    try {
      this.#storage.transactionSync(() => {
        applyCommit(this.#tables, batch, this.#clock.now());
        this.#databases.committed(batch);
      });
    } catch (error) {
      throw mapSqlError(error);
    }
  }

  async call(actorId: string, idempotencyKey: string): Promise<CallRecord | undefined> {
    const [row] = this.#rows(
      "SELECT status, has_outcome, outcome, expires_at FROM _holdfast_call WHERE actor = ? AND key = ? AND expires_at > ?",
      ...[actorId, idempotencyKey, this.#clock.now()],
    );
    if (row === undefined) return undefined;
    const outcome =
      row["has_outcome"] === 1
        ? this.#tables.pieces.read("call", actorId, idempotencyKey, row["outcome"])
        : undefined;
    return {
      key: idempotencyKey,
      status: row["status"] === "done" ? "done" : "started",
      ...(outcome === undefined ? {} : { outcome }),
      expiresAt: integer(row, "expires_at"),
    };
  }

  async kvGet(actorId: string, key: Uint8Array): Promise<Uint8Array | undefined> {
    const [row] = this.#rows("SELECT value FROM _holdfast_kv WHERE actor = ? AND key = ?", actorId, key);
    return row && this.#tables.pieces.read("kv", actorId, key, row["value"]);
  }

  async kvList(actorId: string, range: KvRange): Promise<readonly KvEntry[]> {
    return this.#kvList(actorId, range);
  }

  #kvList(actorId: string, { start, end, limit, reverse }: KvRange): readonly KvEntry[] {
    const order = reverse === true ? "DESC" : "ASC";
    const rows = this.#rows(
      `SELECT key, value FROM _holdfast_kv WHERE actor = ?1 AND key >= ?2 AND (?3 IS NULL OR key < ?3)
        ORDER BY key ${order} LIMIT ?4`,
      ...[actorId, start, end ?? null, Math.max(0, Math.min(limit, Number.MAX_SAFE_INTEGER))],
    );
    return rows.map((row) => {
      const key = optionalBytes(row["key"]) ?? new Uint8Array(0);
      return { key, value: this.#tables.pieces.read("kv", actorId, key, row["value"]) };
    });
  }

  async due(
    now: number,
    limit: number,
    after: DueCursor = { wakeAt: Number.MIN_SAFE_INTEGER, id: "" },
    filter?: DueFilter,
  ): Promise<{ readonly actors: readonly ActorRecord[]; readonly nextAt?: number }> {
    const waking = this.#rows(
      `SELECT ${recordColumns} FROM _holdfast_actor WHERE wake_at IS NOT NULL AND (wake_at, id) > (?, ?)
        ORDER BY wake_at, id`,
      ...[after.wakeAt, after.id],
    )
      .map(actorRecord)
      .filter((record) => filter === undefined || filter.selects(record));
    const nextAt = waking[0]?.wakeAt;
    const due = waking.filter(({ wakeAt }) => wakeAt !== undefined && wakeAt <= now);
    return { actors: due.slice(0, pageLimit(limit)), ...(nextAt === undefined ? {} : { nextAt }) };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#databases.close();
  }

  #rows(query: string, ...bindings: readonly SqlBinding[]): Row[] {
    this.#assertOpen();
    return this.#sql.exec(query, ...bindings).toArray();
  }

  #assertHoldsMany(what: string): void {
    if (this.#holdsOneActor) throw notSupported(what, "Each object knows its own actor only.");
  }

  #assertOpen(): void {
    if (this.#isClosed) {
      throw new HoldfastError("store", "closed", "The store is closed", { statusCode: 503 });
    }
  }
}

function pageLimit(limit: number): number {
  return Math.max(0, Math.min(limit, durableObjectLimits.maxPageSize));
}

function isWithin(name: string, filter: NamespaceFilter): boolean {
  const colon = name.indexOf(":");
  const prefix = colon === -1 ? undefined : name.slice(0, colon);
  if ("only" in filter) return prefix === filter.only;
  return prefix === undefined || !filter.without.includes(prefix);
}
