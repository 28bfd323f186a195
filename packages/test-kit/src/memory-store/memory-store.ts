/** ActorStore in memory. */
import type {
  ActorPage,
  ActorRecord,
  ActorStore,
  CallRecord,
  CommitBatch,
  DatabaseStore,
  DueCursor,
  DueFilter,
  KvEntry,
  KvOperation,
  KvRange,
  ListFilter,
  ListQuery,
  LoadedActor,
  NewIdentity,
  StoredState,
} from "@holdfast/actors";
import { type ActorKey, encodeKey, HoldfastError, type Ports, splitName } from "@holdfast/core";
import { MemoryBlobs } from "./blobs.ts";
import { MemoryDatabase } from "./database.ts";
import { MemoryHistory, type MemoryImage } from "./history.ts";
import { compareBytes, SortedBytes } from "./sorted-bytes.ts";

export interface MemoryStoreOptions {
  readonly ports: Ports;
}

/**
 * Creates an `ActorStore` in memory, for unit tests. A commit is applied synchronously but resolves at the next
 * macrotask, so that code that must wait for it really waits.
 */
export function createMemoryStore(options: MemoryStoreOptions): ActorStore {
  return new MemoryStore(options.ports);
}

/** States kept in the history of one actor. */
const maxLogEntries = 10_000;

interface Actor {
  record: ActorRecord;
  snapshot?: Uint8Array;
  patches: Uint8Array[];
  /** History of states: snapshots and patches with their commit times. */
  log: { readonly at: number; readonly type: "snapshot" | "patch"; readonly bytes: Uint8Array }[];
  kv: SortedBytes;
  calls: Map<string, CallRecord>;
  database?: MemoryDatabase;
}

class MemoryStore implements ActorStore {
  readonly #ports: Ports;
  readonly #actors = new Map<string, Actor>();
  /** Ids of living actors by name and key. */
  readonly #idsByKey = new Map<string, string>();
  #closed = false;
  #lastCommit: Promise<void> = Promise.resolve();

  /** Databases of actors that are being created. */
  readonly #newDatabases = new Map<string, MemoryDatabase>();
  readonly blobs = new MemoryBlobs();
  readonly history = new MemoryHistory({
    blobs: this.blobs,
    image: (id) => this.#image(id),
    stateAt: (id, at) => this.#stateAt(id, at),
    restore: (as, content, wakeAt) => this.#restore(as, content, wakeAt),
  });
  readonly databases: DatabaseStore = {
    open: async (actorId, epoch, isNew) => {
      this.#assertOpen();
      const actor = this.#actors.get(actorId);
      if (isNew) {
        const database = new MemoryDatabase();
        this.#newDatabases.set(actorId, database);
        return database.handle(epoch, () => this.#actors.has(actorId));
      }
      if (actor === undefined || actor.record.destroyedAt !== undefined) throw notFound(actorId);
      if (actor.record.epoch !== epoch) throw fenced(actorId);
      actor.database ??= new MemoryDatabase();
      return actor.database.handle(epoch, () => true);
    },
  };

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  async find(name: string, key: ActorKey): Promise<ActorRecord | undefined> {
    this.#assertOpen();
    const id = this.#idsByKey.get(nameAndKey(name, key));
    return this.#afterCommits(id === undefined ? undefined : this.#actors.get(id)?.record);
  }

  async get(id: string): Promise<ActorRecord | undefined> {
    this.#assertOpen();
    return this.#afterCommits(this.#actors.get(id)?.record);
  }

  async list(query: ListQuery): Promise<ActorPage> {
    this.#assertOpen();
    const after = query.cursor ?? "";
    const found = this.#livingActors()
      .filter((record) => record.id > after && matchesFilter(record, query))
      .sort((a, b) => compareText(a.id, b.id));
    const actors = found.slice(0, Math.max(0, query.limit));
    const last = actors.at(-1);
    return this.#afterCommits({
      actors,
      ...(found.length > actors.length && last ? { cursor: last.id } : {}),
    });
  }

  async count(filter: ListFilter): Promise<number> {
    this.#assertOpen();
    return this.#afterCommits(this.#livingActors().filter((record) => matchesFilter(record, filter)).length);
  }

  async acquire(id: string): Promise<LoadedActor> {
    this.#assertOpen();
    const actor = this.#actors.get(id);
    if (actor === undefined || actor.record.destroyedAt !== undefined) {
      throw notFound(id);
    }
    actor.database?.takeOver(actor.record.epoch + 1);
    actor.record = { ...actor.record, epoch: actor.record.epoch + 1 };
    const { record, snapshot, patches } = actor;
    const loaded = {
      record,
      callsUntil: latestExpiry(actor.calls.values()),
      hasDatabase: actor.database !== undefined,
      ...(snapshot === undefined ? {} : { state: { snapshot, patches: [...patches] } }),
    };
    await this.#durable();
    return loaded;
  }

  async commit(batch: CommitBatch): Promise<void> {
    this.#assertOpen();
    checkCommit(batch);
    const actor = batch.create === undefined ? this.#requireOwner(batch) : this.#create(batch, batch.create);
    actor.database?.commit();
    this.#apply(actor, batch);
    await this.#durable();
  }

  async call(actorId: string, idempotencyKey: string): Promise<CallRecord | undefined> {
    this.#assertOpen();
    const call = this.#actors.get(actorId)?.calls.get(idempotencyKey);
    return this.#afterCommits(
      call !== undefined && call.expiresAt > this.#ports.clock.now() ? call : undefined,
    );
  }

  async kvGet(actorId: string, key: Uint8Array): Promise<Uint8Array | undefined> {
    this.#assertOpen();
    return this.#actors.get(actorId)?.kv.get(key);
  }

  async kvList(actorId: string, range: KvRange): Promise<readonly KvEntry[]> {
    this.#assertOpen();
    const entries = this.#actors.get(actorId)?.kv.range(range.start, range.end) ?? [];
    if (range.reverse === true) entries.reverse();
    return entries.slice(0, Math.max(0, range.limit));
  }

  async due(
    now: number,
    limit: number,
    after: DueCursor = { wakeAt: Number.NEGATIVE_INFINITY, id: "" },
    filter?: DueFilter,
  ): Promise<{ readonly actors: readonly ActorRecord[]; readonly nextAt?: number }> {
    this.#assertOpen();
    const waking = this.#livingActors()
      .filter((record) => filter?.selects(record) !== false)
      .flatMap((record) => (record.wakeAt === undefined ? [] : [{ record, wakeAt: record.wakeAt }]))
      .filter(({ record, wakeAt }) => (wakeAt - after.wakeAt || compareText(record.id, after.id)) > 0)
      .sort((a, b) => a.wakeAt - b.wakeAt || compareText(a.record.id, b.record.id));
    const actors = waking.filter((entry) => entry.wakeAt <= now).map((entry) => entry.record);
    const nextAt = waking[0]?.wakeAt;
    return this.#afterCommits({
      actors: actors.slice(0, Math.max(0, limit)),
      ...(nextAt === undefined ? {} : { nextAt }),
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#lastCommit;
  }

  #livingActors(): ActorRecord[] {
    return [...this.#actors.values()]
      .map((actor) => actor.record)
      .filter((record) => record.destroyedAt === undefined);
  }

  #image(id: string): MemoryImage {
    const actor = this.#actors.get(id);
    if (actor === undefined || actor.record.destroyedAt !== undefined) throw notFound(id);
    const { record, snapshot, patches, kv, database } = actor;
    return {
      record,
      state: snapshot === undefined ? undefined : { snapshot, patches: [...patches] },
      entries: kv.range(new Uint8Array(0), undefined),
      database: database?.serialize(),
    };
  }

  #stateAt(id: string, at: number): StoredState | undefined {
    const before = (this.#actors.get(id)?.log ?? []).filter((entry) => entry.at <= at);
    const first = before.findLastIndex((entry) => entry.type === "snapshot");
    const [snapshot, ...patches] = first < 0 ? [] : before.slice(first).map((entry) => entry.bytes);
    return snapshot === undefined ? undefined : { snapshot, patches };
  }

  async #restore(
    as: NewIdentity,
    content: Omit<MemoryImage, "record">,
    wakeAt: number | undefined,
  ): Promise<ActorRecord> {
    const { state, entries, database } = content;
    const commitId = "restored";
    const { id: actorId, ...create } = as;
    const first = state === undefined ? {} : { state: { type: "snapshot", bytes: state.snapshot } as const };
    if (database !== undefined) this.#newDatabases.set(actorId, new MemoryDatabase(database));
    const kv = entries.map((entry) => ({ type: "put", ...entry }) as const);
    const wake = wakeAt === undefined ? {} : { wakeAt };
    try {
      await this.commit({ actorId, epoch: 1, version: 1, commitId, create, kv, ...first, ...wake });
    } finally {
      this.#newDatabases.delete(actorId);
    }
    for (const [index, bytes] of (state?.patches ?? []).entries()) {
      await this.commit({ actorId, epoch: 1, version: index + 2, commitId, state: { type: "patch", bytes } });
    }
    return this.#image(actorId).record;
  }

  #create(batch: CommitBatch, row: NonNullable<CommitBatch["create"]>): Actor {
    if (this.#actors.has(batch.actorId)) throw fenced(batch.actorId);
    if (this.#idsByKey.has(nameAndKey(row.name, row.key))) {
      throw new HoldfastError("actor", "duplicate_key", "An actor with this name and key exists already");
    }
    const record = {
      id: batch.actorId,
      name: row.name,
      key: row.key,
      epoch: 1,
      version: 0,
      createdAt: row.createdAt,
    };
    const actor: Actor = { record, patches: [], log: [], kv: new SortedBytes(), calls: new Map() };
    if (batch.state?.type === "patch") throw patchWithoutSnapshot();
    const database = this.#newDatabases.get(batch.actorId);
    if (database !== undefined) actor.database = database;
    this.#newDatabases.delete(batch.actorId);
    this.#actors.set(batch.actorId, actor);
    this.#idsByKey.set(nameAndKey(row.name, row.key), batch.actorId);
    return actor;
  }

  #requireOwner(batch: CommitBatch): Actor {
    const actor = this.#actors.get(batch.actorId);
    const record = actor?.record;
    const current = record?.epoch === batch.epoch && record.version === batch.version - 1;
    if (actor === undefined || !current || record.destroyedAt !== undefined) throw fenced(batch.actorId);
    if (batch.state?.type === "patch" && actor.snapshot === undefined) throw patchWithoutSnapshot();
    return actor;
  }

  #apply(actor: Actor, batch: CommitBatch): void {
    actor.record = withWake({ ...actor.record, version: batch.version }, batch.wakeAt);
    if (batch.destroyedAt !== undefined) {
      this.#idsByKey.delete(nameAndKey(actor.record.name, actor.record.key));
      actor.record = { ...withWake(actor.record, null), destroyedAt: batch.destroyedAt };
      actor.kv = new SortedBytes();
      actor.calls = new Map();
      actor.patches = [];
      actor.log = [];
      actor.database?.close();
      delete actor.database;
      this.blobs.removeAll(batch.actorId);
      delete actor.snapshot;
      return;
    }
    if (batch.state !== undefined) {
      const { type, bytes } = batch.state;
      actor.log.push({ at: this.#ports.clock.now(), type, bytes: bytes.slice() });
      if (actor.log.length > maxLogEntries) actor.log.splice(0, nextSnapshot(actor.log));
    }
    if (batch.state?.type === "snapshot") {
      actor.snapshot = batch.state.bytes.slice();
      actor.patches = [];
    }
    if (batch.state?.type === "patch") actor.patches.push(batch.state.bytes.slice());
    for (const operation of batch.kv ?? []) applyKv(actor.kv, operation);
    for (const call of batch.calls ?? []) actor.calls.set(call.key, call);
    if (batch.calls !== undefined) this.#removeExpiredCalls(actor);
  }

  #removeExpiredCalls(actor: Actor): void {
    const now = this.#ports.clock.now();
    for (const [key, call] of actor.calls) if (call.expiresAt <= now) actor.calls.delete(key);
  }

  #durable(): Promise<void> {
    this.#lastCommit = new Promise((resolve) => this.#ports.tasks.macrotask(resolve));
    return this.#lastCommit;
  }

  /** Delays a read until earlier commits are durable, since its result may leave the process. */
  async #afterCommits<T>(value: T): Promise<T> {
    await this.#lastCommit;
    return value;
  }

  #assertOpen(): void {
    if (this.#closed) throw new HoldfastError("store", "closed", "The store is closed", { statusCode: 503 });
  }
}

/** Latest expiry. A loop, since there may be more calls than `Math.max` accepts arguments. */
function latestExpiry(calls: Iterable<CallRecord>): number {
  let until = 0;
  for (const { expiresAt } of calls) until = Math.max(until, expiresAt);
  return until;
}

/** Index of the second snapshot; the length of the log when there is none. */
function nextSnapshot(log: Actor["log"]): number {
  const next = log.findIndex((entry, index) => index > 0 && entry.type === "snapshot");
  return next < 0 ? log.length : next;
}

function applyKv(kv: SortedBytes, operation: KvOperation): void {
  switch (operation.type) {
    case "put":
      kv.set(operation.key.slice(), operation.value.slice());
      return;
    case "delete":
      kv.delete(operation.key);
      return;
    case "delete-range":
      for (const { key } of kv.range(operation.start, operation.end)) kv.delete(key);
  }
}

function checkCommit(batch: CommitBatch): void {
  const created = batch.create !== undefined;
  if (created !== (batch.version === 1) || (created && batch.epoch !== 1)) {
    throw invalidCommit("Only the first commit of an actor creates it, with version 1 and epoch 1");
  }
  if (batch.calls?.some((call) => call.status === "started" && call.outcome !== undefined)) {
    throw invalidCommit("A call that has only started cannot have an outcome");
  }
  if (typeof batch.wakeAt === "number" && !Number.isSafeInteger(batch.wakeAt)) {
    throw invalidCommit("A time must be a whole number of milliseconds");
  }
}

function withWake(record: ActorRecord, wakeAt: number | null | undefined): ActorRecord {
  if (wakeAt === undefined) return record;
  const { wakeAt: _, ...rest } = record;
  return wakeAt === null ? rest : { ...rest, wakeAt };
}

function nameAndKey(name: string, key: ActorKey): string {
  return `${name}/${encodeKey(key)}`;
}

/** Compares by UTF-8 bytes, like SQL stores. Ids are ASCII, where comparing code units is the same. */
function compareText(a: string, b: string): number {
  return compareBytes(Buffer.from(a), Buffer.from(b));
}

function notFound(actorId: string): HoldfastError {
  return new HoldfastError("actor", "not_found", "The actor does not exist or was destroyed", {
    metadata: { actorId },
  });
}

function fenced(actorId: string): HoldfastError {
  return new HoldfastError("actor", "fenced", "Another owner has taken over this actor", {
    metadata: { actorId },
  });
}

function invalidCommit(message: string): HoldfastError {
  return new HoldfastError("store", "invalid_commit", message);
}

function patchWithoutSnapshot(): HoldfastError {
  return invalidCommit("A patch needs an earlier snapshot");
}

function isInNamespace(name: string, filter: ListFilter["namespaces"]): boolean {
  if (filter === undefined) return true;
  const namespace = splitName(name)?.namespace ?? "";
  return "only" in filter ? namespace === filter.only : !filter.without.includes(namespace);
}

function matchesFilter({ name, key, createdAt }: ActorRecord, filter: ListFilter): boolean {
  return (
    (filter.name === undefined || name === filter.name) &&
    isInNamespace(name, filter.namespaces) &&
    encodeKey(key).startsWith(filter.keyPrefix ?? "") &&
    createdAt > (filter.createdAfter ?? Number.NEGATIVE_INFINITY)
  );
}
