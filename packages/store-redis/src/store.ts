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
  type ChangedPages,
  Committer,
  checkCommit,
  closed,
  Databases,
  LocalCopies,
  type RetryLimits,
  sizeOf,
} from "@holdfast/store-kit";
import { type DataDirectoryLock, lockDataDirectory } from "@holdfast/store-sqlite";
import { ActorData } from "./internal/actor-data.ts";
import { Blobs } from "./internal/blobs.ts";
import { RedisCluster } from "./internal/cluster/cluster.ts";
import type { Command } from "./internal/command.ts";
import { Connections } from "./internal/connection/connections.ts";
import { tooLarge } from "./internal/errors.ts";
import { RedisHistory } from "./internal/history/history.ts";
import { Lookup } from "./internal/lookup.ts";
import { type PreparedServer, prepareServer } from "./internal/server/server.ts";
import { RedisTurns } from "./internal/turn-server.ts";
import { redisStoreLimits as limits } from "./limits.ts";
import type { RedisStore, RedisStoreOptions, RedisStoreStats } from "./types.ts";

/**
 * Opens the store on a server of Redis 7 or later, or Valkey. Logs a warning if a crash of the server can lose what was
 * acknowledged.
 *
 * Throws `store.unavailable` (the server is unreachable, refuses the user, or is a replica), `store.server_too_old`,
 * `store.not_durable` (it is less durable than the options accept), `store.evicts_data` (it removes keys when its memory
 * is full), `store.foreign_keys` (another program has keys with this prefix), `store.format_too_new`,
 * `store.locked` (another process uses the cache directory), `store.invalid_options`.
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<RedisStore> {
  const lock = lockDataDirectory(options.cachePath);
  try {
    const retry = {
      forMs: options.retryForMs ?? limits.retryForMs,
      minDelayMs: limits.minRetryDelayMs,
      maxDelayMs: limits.maxRetryDelayMs,
    };
    return new OpenStore(options, lock, await prepareServer(options, retry), retry);
  } catch (error) {
    lock.release();
    throw error;
  }
}

class OpenStore implements RedisStore {
  readonly #ports: Ports;
  readonly #lock: DataDirectoryLock;
  readonly #connections: Connections;
  readonly #committer: Committer<Command>;
  readonly #lookup: Lookup;
  readonly #data: ActorData;
  readonly #durability: RedisStoreStats["durability"];
  readonly databases: Databases;
  readonly blobs: Blobs;
  readonly history: RedisHistory;
  readonly cluster: RedisCluster;
  readonly #background = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  constructor(
    options: RedisStoreOptions,
    lock: DataDirectoryLock,
    server: PreparedServer,
    retry: RetryLimits,
  ) {
    const { ports, cachePath } = options;
    const { prefix, settings, run } = server;
    this.#ports = ports;
    this.#lock = lock;
    this.#durability = server.durability;
    const copies = new LocalCopies(cachePath, run, limits.maxLocalCopies);
    // A server that has started again may have lost turns: copies from before do not fit to what comes after.
    const connections = new Connections({ ...settings, onServer: (id) => copies.serverIs(id) }, retry);
    this.#connections = connections;
    const turns = new RedisTurns(connections, prefix, {
      maxAgeMs: options.history?.maxAgeMs ?? limits.historyMaxAgeMs,
      maxBytes: options.history?.maxBytes ?? limits.historyMaxBytes,
    });
    this.#committer = new Committer({
      ...{ ports, retry, server: turns },
      maxWaiting: options.maxWaitingCommits ?? limits.maxWaitingCommits,
      maxWaitingBytes: limits.maxWaitingBytes,
    });
    this.#lookup = new Lookup(connections, prefix);
    this.#data = new ActorData(connections, prefix);
    const settled = (id: string) => this.#committer.settled(id);
    this.databases = new Databases({
      ...{ ports, copies, settled, source: this.#data },
      maxBytes: options.maxActorDatabaseBytes,
    });
    this.blobs = new Blobs(ports, connections, prefix);
    this.history = new RedisHistory({
      ...{ ports, connections, prefix, cachePath, settled, blobs: this.blobs, data: this.#data },
      get: (id) => this.get(id),
    });
    this.cluster = new RedisCluster(server);
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
    const { loaded, database, hasBlobs } = await acquiring;
    this.databases.ownerChanged(id, database);
    if (hasBlobs) this.#inBackground(this.blobs.sweep(id, now));
    return loaded;
  }

  commit(batch: CommitBatch): Promise<void> {
    try {
      checkCommit(batch);
      checkSize(batch, undefined);
      this.#committer.assertAccepting();
    } catch (error) {
      return Promise.reject(error);
    }
    const committed =
      this.databases.commit(batch, (pages) => this.#send(batch, pages)) ?? this.#committer.commit(batch);
    return batch.destroyedAt === undefined ? committed : this.#destroyed(batch.actorId, committed);
  }

  async #send(batch: CommitBatch, pages: ChangedPages | undefined): Promise<void> {
    checkSize(batch, pages);
    await this.#committer.commit(batch, pages);
  }

  async #destroyed(actorId: string, committed: Promise<void>): Promise<void> {
    await committed;
    this.databases.destroyed(actorId);
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

  stats(): RedisStoreStats {
    const { commits, bytes } = this.#committer.waiting;
    return {
      ...this.#committer.counters,
      waitingCommits: commits,
      waitingBytes: bytes,
      pagesLoaded: this.databases.pagesLoaded,
      durability: this.#durability,
    };
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
    await Promise.all([this.#connections.close(), this.cluster.close()]);
    this.#lock.release();
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

/** A larger command would end the connection. */
function checkSize(batch: CommitBatch, pages: ChangedPages | undefined): void {
  const size = sizeOf(batch, pages);
  if (size > limits.maxTurnBytes) throw tooLarge(size, limits.maxTurnBytes);
}
