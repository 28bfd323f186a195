import type {
  ActorDatabase,
  ActorImage,
  ActorPage,
  ActorRecord,
  BlobInfo,
  BlobStore,
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
  NewIdentity,
} from "@holdfast/actors";
import type { ActorKey, Ports } from "@holdfast/core";
import { closed } from "@holdfast/store-kit";
import { postgresStoreLimits as limits } from "../../limits.ts";
import type { PostgresStore, PostgresStoreStats } from "../../types.ts";
import type { DuePage } from "../due.ts";
import { ActorRoutes } from "./actor-routes.ts";
import type { GuardedDatabase } from "./guarded-database.ts";
import { MergedDue } from "./merged-due.ts";
import { RoutedCluster } from "./routed-cluster.ts";
import type { ShardRanges } from "./shard-ranges.ts";

export interface RoutedStoreOptions {
  readonly databases: readonly GuardedDatabase[];
  readonly ranges: ShardRanges;
  readonly ports: Ports;
  /** Called when everything is closed. */
  readonly onClosed: () => void;
}

/**
 * A store on several databases. Everything of an actor is in one of them, its key included, so that a commit is one
 * transaction there, with its fence. The first has the record of the cluster, too.
 */
export class RoutedStore implements PostgresStore {
  readonly cluster: RoutedCluster;
  readonly databases: DatabaseStore;
  readonly blobs: BlobStore;
  readonly history: HistoryStore;
  readonly #all: readonly GuardedDatabase[];
  readonly #routes: ActorRoutes;
  readonly #due: MergedDue;
  readonly #onClosed: () => void;
  #closing: Promise<void> | undefined;

  constructor({ databases, ranges, ports, onClosed }: RoutedStoreOptions) {
    this.#all = databases;
    this.#onClosed = onClosed;
    this.#routes = new ActorRoutes(ranges, (id) => this.#find(id));
    this.#due = new MergedDue(databases, ranges, ports);
    const of = <T>(id: string, work: (database: GuardedDatabase) => Promise<T>) => this.#of(id, work);
    this.cluster = new RoutedCluster(this.#at(0).store.cluster, (id) =>
      of(id, async ({ store }) => store.cluster),
    );
    this.databases = {
      open: (id, epoch, isNew): Promise<ActorDatabase> =>
        of(id, (database) => database.run((store) => store.databases.open(id, epoch, isNew))),
    };
    this.blobs = this.#createBlobs(ports);
    this.history = {
      stateAt: (id, at) => of(id, (database) => database.read((store) => store.history.stateAt(id, at))),
      image: (id): Promise<ActorImage> =>
        of(id, (database) => database.run((store) => store.history.image(id))),
      restore: (image, as) => this.#restore(image, as),
    };
  }

  async find(name: string, key: ActorKey): Promise<ActorRecord | undefined> {
    const position = this.#routes.ofAddress(name, key);
    const record = await this.#at(position).read((store) => store.find(name, key));
    if (record !== undefined) this.#routes.learn(record.id, position);
    return record;
  }

  get(id: string): Promise<ActorRecord | undefined> {
    return this.#of(id, (database) => database.read((store) => store.get(id)));
  }

  /** Each database has its first actors after the cursor, so the first of all are among them. */
  async list(query: ListQuery): Promise<ActorPage> {
    const pages = await this.#each((database) => database.read((store) => store.list(query)));
    const all = pages.flatMap(({ actors }) => actors).sort((a, b) => (a.id < b.id ? -1 : 1));
    const actors = all.slice(0, Math.max(0, Math.min(query.limit, limits.maxPageSize)));
    const hasMore = actors.length < all.length || pages.some(({ cursor }) => cursor !== undefined);
    const last = actors.at(-1);
    return { actors, ...(hasMore && last !== undefined ? { cursor: last.id } : {}) };
  }

  async count(filter: ListFilter): Promise<number> {
    return sum(await this.#each((database) => database.read((store) => store.count(filter))));
  }

  async due(now: number, limit: number, after?: DueCursor, filter?: DueFilter): Promise<DuePage> {
    if (this.#closing !== undefined) throw closed();
    return this.#due.read(now, limit, after, filter);
  }

  acquire(id: string): Promise<LoadedActor> {
    return this.#of(id, (database) => database.read((store) => store.acquire(id)));
  }

  commit(batch: CommitBatch): Promise<void> {
    const { actorId, create } = batch;
    const send = (database: GuardedDatabase) => database.always((store) => store.commit(batch));
    if (create === undefined) return this.#of(actorId, send);
    try {
      return send(this.#at(this.#routes.ofNew(actorId, create.name, create.key)));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  call(actorId: string, idempotencyKey: string): Promise<CallRecord | undefined> {
    return this.#of(actorId, (database) => database.read((store) => store.call(actorId, idempotencyKey)));
  }

  kvGet(actorId: string, key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#of(actorId, (database) => database.read((store) => store.kvGet(actorId, key)));
  }

  kvList(actorId: string, range: KvRange): Promise<readonly KvEntry[]> {
    return this.#of(actorId, (database) => database.read((store) => store.kvList(actorId, range)));
  }

  outages(): readonly string[] {
    return this.#all.filter(({ isAvailable }) => !isAvailable).map(({ name }) => name);
  }

  stats(): PostgresStoreStats {
    const all = this.#all.map(({ store }) => store.stats());
    const total = (of: (stats: PostgresStoreStats) => number) => sum(all.map(of));
    return {
      commits: total(({ commits }) => commits),
      retries: total(({ retries }) => retries),
      settled: total(({ settled }) => settled),
      waitingCommits: total(({ waitingCommits }) => waitingCommits),
      waitingBytes: total(({ waitingBytes }) => waitingBytes),
      pagesLoaded: total(({ pagesLoaded }) => pagesLoaded),
      unavailableDatabases: this.outages().length,
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#each((database) => database.close()).then(() => this.#onClosed());
    return this.#closing;
  }

  #createBlobs({ log }: Ports): BlobStore {
    return {
      put: (id, source, maxBytes): Promise<BlobInfo> =>
        this.#of(id, (database) => database.run((store) => store.blobs.put(id, source, maxBytes))),
      read: (id, hash, range) =>
        this.#of(id, (database) => database.run((store) => store.blobs.read(id, hash, range))),
      list: (id) => this.#of(id, (database) => database.run((store) => store.blobs.list(id))),
      remove: (id, hash) => {
        // What is not removed now, the actor's next owner removes.
        this.#of(id, async ({ store }) => store.blobs.remove(id, hash)).catch((error: unknown) =>
          log.warn("an object could not be removed", { actorId: id, error }),
        );
      },
    };
  }

  async #restore(image: ActorImage, as: NewIdentity): Promise<ActorRecord> {
    const database = this.#at(this.#routes.ofNew(as.id, as.name, as.key));
    return database.run((store) => store.history.restore(image, as));
  }

  /** Calls `work` synchronously where the id says in which database the actor is, so that commits keep their order. */
  #of<T>(id: string, work: (database: GuardedDatabase) => Promise<T>): Promise<T> {
    const position = this.#routes.ofId(id);
    return typeof position === "number"
      ? work(this.#at(position))
      : position.then((found) => work(this.#at(found)));
  }

  /** Throws the error of a database only if no other has the actor. */
  async #find(id: string): Promise<number | undefined> {
    const found = await Promise.allSettled(
      this.#all.map((database) => database.read((store) => store.get(id))),
    );
    const position = found.findIndex((each) => each.status === "fulfilled" && each.value !== undefined);
    if (position >= 0) return position;
    for (const each of found) if (each.status === "rejected") throw each.reason;
    return undefined;
  }

  #each<T>(work: (database: GuardedDatabase) => Promise<T>): Promise<T[]> {
    return Promise.all(this.#all.map(work));
  }

  #at(position: number): GuardedDatabase {
    const database = this.#all[position];
    if (database === undefined) throw new Error(`There is no database ${position + 1}`);
    return database;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
