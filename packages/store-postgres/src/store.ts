import { join } from "node:path";
import type {
  ActorPage,
  ActorRecord,
  CallRecord,
  CommitBatch,
  DueCursor,
  DueFilter,
  KvEntry,
  KvRange,
  ListFilter,
  ListQuery,
  LoadedActor,
} from "@holdfast/actors";
import type { ActorKey, Ports } from "@holdfast/core";
import {
  Committer,
  checkCommit,
  closed,
  Databases,
  LocalCopies,
  type RetryLimits,
} from "@holdfast/store-kit";
import { type DataDirectoryLock, lockDataDirectory } from "@holdfast/store-sqlite";
import { ActorData } from "./internal/actor-data.ts";
import { Blobs } from "./internal/blobs/blobs.ts";
import { type Bucket, openBucket } from "./internal/blobs/bucket.ts";
import { PostgresCluster } from "./internal/cluster/cluster.ts";
import { TurnStatements } from "./internal/commit/statements.ts";
import { PostgresTurns } from "./internal/commit/turn-server.ts";
import { Connections } from "./internal/connection/connections.ts";
import { LongConnections } from "./internal/connection/long-connections.ts";
import type { Statement } from "./internal/connection/transaction-query.ts";
import { PostgresPages } from "./internal/database/pages.ts";
import { PostgresHistory } from "./internal/history/history.ts";
import { Lookup } from "./internal/lookup.ts";
import { databaseName, GuardedDatabase, type SingleStore } from "./internal/routing/guarded-database.ts";
import { RoutedStore } from "./internal/routing/routed-store.ts";
import { ShardRanges } from "./internal/routing/shard-ranges.ts";
import { acquiredDatabase } from "./internal/rows.ts";
import { type PreparedServer, prepareServers } from "./internal/server.ts";
import { postgresStoreLimits as limits } from "./limits.ts";
import type { PostgresStore, PostgresStoreOptions, PostgresStoreStats } from "./types.ts";

/**
 * Opens the store on one or several PostgreSQL databases and creates or upgrades its tables.
 *
 * Throws `store.unavailable` (a server is unreachable or refuses the user), `store.format_too_new` (a newer release
 * wrote the tables), `store.not_durable` (the server acknowledges commits before they are on disk), `store.locked`
 * (another process uses the cache directory), `store.databases_differ` (these are not the databases of its first start),
 * `store.invalid_options`, `store.bucket_unavailable`.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const lock = lockDataDirectory(options.cachePath);
  const opened: OpenStore[] = [];
  try {
    const retry = {
      forMs: options.retryForMs ?? limits.retryForMs,
      minDelayMs: limits.minRetryDelayMs,
      maxDelayMs: limits.maxRetryDelayMs,
    };
    const { servers, firsts } = await prepareServers(options, retry);
    const { blobs, cachePath, ports } = options;
    const [first] = servers;
    if (first === undefined) throw new Error("A store has at least one database");
    const isOnly = servers.length === 1;
    for (const [at, server] of servers.entries()) {
      const bucket = blobs === undefined ? undefined : await openBucket(blobs, ports);
      const own = at === 0 ? options : { ...options, cachePath: join(cachePath, `database-${at + 1}`) };
      opened.push(new OpenStore(own, isOnly ? lock : undefined, server, bucket, retry));
    }
    const [only] = opened;
    if (isOnly && only !== undefined) return only;
    const databases = opened.map((store, at) => {
      const address = servers[at]?.name ?? "";
      return new GuardedDatabase(store, databaseName(at, servers.length), address, ports);
    });
    const ranges = new ShardRanges(firsts, first.shards);
    return new RoutedStore({ databases, ranges, ports, onClosed: () => lock.release() });
  } catch (error) {
    await Promise.all(opened.map((store) => store.close()));
    lock.release();
    throw error;
  }
}

class OpenStore implements SingleStore {
  readonly #ports: Ports;
  readonly #lock: DataDirectoryLock | undefined;
  readonly #connections: Connections;
  readonly #bucket: Bucket | undefined;
  readonly #images: LongConnections;
  readonly #long: LongConnections;
  readonly #committer: Committer<readonly Statement[]>;
  readonly #lookup: Lookup;
  readonly #data: ActorData;
  readonly databases: Databases;
  readonly blobs: Blobs;
  readonly history: PostgresHistory;
  readonly cluster: PostgresCluster;
  readonly #background = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(
    options: PostgresStoreOptions,
    lock: DataDirectoryLock | undefined,
    server: PreparedServer,
    bucket: Bucket | undefined,
    retry: RetryLimits,
  ) {
    const { ports, cachePath } = options;
    const { client, schema, shards, settings } = server;
    this.#ports = ports;
    this.#lock = lock;
    const connections = new Connections({
      ...{ settings, ports, retry },
      turns: options.turnConnections ?? limits.turnConnections,
      reads: options.readConnections ?? limits.readConnections,
    });
    this.#connections = connections;
    const half = Math.max(1, Math.floor(limits.maxLongConnections / 2));
    this.#images = new LongConnections(client, half, ports.log);
    this.#long = new LongConnections(client, half, ports.log);
    const statements = new TurnStatements(schema, {
      maxAgeMs: options.history?.maxAgeMs ?? limits.historyMaxAgeMs,
      maxBytes: options.history?.maxBytes ?? limits.historyMaxBytes,
    });
    this.#committer = new Committer({
      ...{ ports, retry, server: new PostgresTurns(connections, statements, schema, shards) },
      maxWaiting: options.maxWaitingCommits ?? limits.maxWaitingCommits,
      maxWaitingBytes: limits.maxWaitingBytes,
    });
    this.#lookup = new Lookup(connections, schema, shards);
    this.#data = new ActorData(connections, schema, shards);
    const settled = (id: string) => this.#committer.settled(id);
    const copies = new LocalCopies(cachePath, server.origin, limits.maxLocalCopies);
    this.databases = new Databases({
      ...{ ports, copies, settled },
      source: new PostgresPages({ ports, connections, loading: this.#long, retry, schema, shards }),
      maxBytes: options.maxActorDatabaseBytes,
    });
    this.#bucket = bucket;
    this.blobs = new Blobs({ ports, connections, schema, shards, bucket });
    this.history = new PostgresHistory({
      ...{ ports, connections, statements, schema, shards, cachePath, settled, blobs: this.blobs },
      images: this.#images,
      restores: this.#long,
      get: (id) => this.get(id),
    });
    this.cluster = new PostgresCluster(server);
    this.#inBackground(this.blobs.removeAbandoned());
  }

  async find(name: string, key: ActorKey): Promise<ActorRecord | undefined> {
    this.#assertOpen();
    return this.#lookup.find(name, key);
  }

  async get(id: string): Promise<ActorRecord | undefined> {
    this.#assertOpen();
    return this.#lookup.get(id);
  }

  async list(query: ListQuery): Promise<ActorPage> {
    this.#assertOpen();
    return this.#lookup.list(query);
  }

  async count(filter: ListFilter): Promise<number> {
    this.#assertOpen();
    return this.#lookup.count(filter);
  }

  async due(
    now: number,
    limit: number,
    after?: DueCursor,
    filter?: DueFilter,
  ): Promise<{ readonly actors: readonly ActorRecord[]; readonly nextAt?: number }> {
    this.#assertOpen();
    return this.#lookup.due(now, limit, after, filter);
  }

  async acquire(id: string): Promise<LoadedActor> {
    await this.#committer.settled(id);
    const now = this.#ports.clock.now();
    const acquiring = this.#data.acquire(id);
    this.databases.prepare(id);
    const { loaded, row } = await acquiring;
    this.databases.ownerChanged(id, acquiredDatabase(row));
    this.#inBackground(this.blobs.sweep(id, now));
    return loaded;
  }

  commit(batch: CommitBatch): Promise<void> {
    try {
      checkCommit(batch);
      this.#committer.assertAccepting();
    } catch (error) {
      return Promise.reject(error);
    }
    const committed =
      this.databases.commit(batch, (pages) => this.#committer.commit(batch, pages)) ??
      this.#committer.commit(batch);
    if (batch.calls !== undefined) {
      this.#inBackground(this.#data.prune(batch.calls.length, this.#ports.clock.now()));
    }
    return batch.destroyedAt === undefined ? committed : this.#destroyed(batch.actorId, committed);
  }

  async #destroyed(actorId: string, committed: Promise<void>): Promise<void> {
    await committed;
    this.databases.destroyed(actorId);
    this.#inBackground(this.blobs.destroyed(actorId));
  }

  async call(actorId: string, idempotencyKey: string): Promise<CallRecord | undefined> {
    await this.#committer.settled(actorId);
    return this.#data.call(actorId, idempotencyKey, this.#ports.clock.now());
  }

  async kvGet(actorId: string, key: Uint8Array): Promise<Uint8Array | undefined> {
    await this.#committer.settled(actorId);
    return this.#data.kvGet(actorId, key);
  }

  async kvList(actorId: string, range: KvRange): Promise<readonly KvEntry[]> {
    await this.#committer.settled(actorId);
    return this.#data.kvList(actorId, range);
  }

  stats(): PostgresStoreStats {
    const { commits, bytes } = this.#committer.waiting;
    return {
      ...this.#committer.counters,
      waitingCommits: commits,
      waitingBytes: bytes,
      pagesLoaded: this.databases.pagesLoaded,
      unavailableDatabases: 0,
    };
  }

  ping(): Promise<void> {
    return this.#connections.ping();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#committer.close();
    await this.databases.close();
    await this.blobs.close();
    await Promise.all(this.#background);
    await Promise.all([this.#images.close(), this.#long.close()]);
    await Promise.all([this.#connections.close(), this.cluster.close()]);
    this.#bucket?.close();
    this.#lock?.release();
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }

  #inBackground(work: Promise<void>): void {
    const kept = work.catch((error: unknown) => {
      if (this.#closing === undefined) this.#ports.log.warn("clean-up of the store failed", { error });
    });
    this.#background.add(kept);
    void kept.finally(() => this.#background.delete(kept));
  }
}
