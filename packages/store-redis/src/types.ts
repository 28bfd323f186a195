import type { ActorStore, ClusterStore } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";

/**
 * What a crash of the server may lose, by its settings.
 * - `always`: nothing (`appendonly yes`, `appendfsync always`).
 * - `everysec`: the last second, or two (`appendfsync everysec`; `no` leaves it to the operating system).
 * - `none`: everything since its last snapshot (`appendonly no`).
 * - `unknown`: the server does not say.
 */
export type RedisDurability = "always" | "everysec" | "none" | "unknown";

/** Options of `openRedisStore`. */
export interface RedisStoreOptions {
  /**
   * `redis://user:password@host:port/number`, or `rediss://`, `valkey://`, `valkeys://`. Parameters: `prefix`,
   * `durability`.
   */
  readonly url: string;
  readonly ports: Ports;
  /** Local directory for copies of actors' databases. It holds nothing that cannot be loaded again. */
  readonly cachePath: string;
  /** What the names of all keys begin with: that of the URL (`?prefix=name`), or `holdfast`. */
  readonly prefix?: string;
  /**
   * The least durability with which the store opens: that of the URL (`?durability=always`), or `everysec`. A server
   * that does not say how durable it is fails `always` only.
   */
  readonly durability?: Exclude<RedisDurability, "unknown">;
  /** Number of shards, a power of two; 1,024 by default. Fixed at the first start. */
  readonly shards?: number;
  /** See `redisStoreLimits.maxWaitingCommits`. */
  readonly maxWaitingCommits?: number;
  /** See `redisStoreLimits.retryForMs`. */
  readonly retryForMs?: number;
  /** See `redisStoreLimits.connectTimeoutMs`. */
  readonly connectTimeoutMs?: number;
  /** See `redisStoreLimits.silenceTimeoutMs`. */
  readonly silenceTimeoutMs?: number;
  /** Maximum size of one actor's database in bytes; beyond it, `store.full`. Unlimited by default. */
  readonly maxActorDatabaseBytes?: number;
  /** How much history of each actor's state is kept; see `redisStoreLimits`. */
  readonly history?: { readonly maxAgeMs?: number; readonly maxBytes?: number };
}

/** Counters since the store was opened, and its current load. */
export interface RedisStoreStats {
  /** Commits that were acknowledged. */
  readonly commits: number;
  /** Turns that were sent again, after a lost connection. */
  readonly retries: number;
  /** Commits whose outcome was settled by reading the actor's row. */
  readonly settled: number;
  /** Commits that wait for the server. */
  readonly waitingCommits: number;
  readonly waitingBytes: number;
  /** Pages of actors' databases that were loaded. */
  readonly pagesLoaded: number;
  /** What a crash of the server may lose. */
  readonly durability: RedisDurability;
}

/** A store on Redis or Valkey, for one node of many. */
export interface RedisStore extends ActorStore {
  readonly cluster: ClusterStore;
  stats(): RedisStoreStats;
}
