import type { ActorStore, ClusterStore } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import type { BucketOptions } from "./internal/blobs/bucket-options.ts";

/** Options of `openPostgresStore`. */
export interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database`, with the parameters of libpq that `pg` knows. */
  readonly url: string;
  /**
   * Further databases of the same store, each with an equal share of the shards. The first start fixes which they are
   * and their order; their addresses may change.
   */
  readonly databases?: readonly string[];
  readonly ports: Ports;
  /**
   * The same database without a pooler, for the one connection that listens to notifications. Needed only if `url` is
   * that of a pooler, and nodes should wake each other through the database.
   */
  readonly unpooledUrl?: string;
  /** Local directory for copies of actors' databases. It holds nothing that cannot be loaded again. */
  readonly cachePath: string;
  /** The database schema of the tables: that of the URL (`?schema=name`), or `holdfast`. */
  readonly schema?: string;
  /** Number of shards, a power of two; 1,024 by default. Fixed when the first actor is stored. */
  readonly shards?: number;
  /**
   * False sends the text of each statement every time, as is the default behind a pooler: it may give each transaction
   * another connection, and not know prepared statements (PgBouncer before 1.21). True is for one that does.
   */
  readonly preparedStatements?: boolean;
  /** See `postgresStoreLimits.turnConnections`. */
  readonly turnConnections?: number;
  /** See `postgresStoreLimits.readConnections`. */
  readonly readConnections?: number;
  /** See `postgresStoreLimits.maxWaitingCommits`. */
  readonly maxWaitingCommits?: number;
  /** See `postgresStoreLimits.retryForMs`. */
  readonly retryForMs?: number;
  /** See `postgresStoreLimits.statementTimeoutMs`. */
  readonly statementTimeoutMs?: number;
  /** See `postgresStoreLimits.connectTimeoutMs`. */
  readonly connectTimeoutMs?: number;
  /** Maximum size of one actor's database in bytes; beyond it, `store.full`. Unlimited by default. */
  readonly maxActorDatabaseBytes?: number;
  /** Stores new large objects in a bucket instead of the database. */
  readonly blobs?: BucketOptions;
  /** How much history of each actor's state is kept; see `postgresStoreLimits`. */
  readonly history?: { readonly maxAgeMs?: number; readonly maxBytes?: number };
}

/** Counters since the store was opened, and its current load. */
export interface PostgresStoreStats {
  /** Commits that became durable. */
  readonly commits: number;
  /** Transactions that were sent again, after a lost connection or a conflict. */
  readonly retries: number;
  /** Commits whose outcome was settled by reading the actor's row. */
  readonly settled: number;
  /** Commits that wait for the database. */
  readonly waitingCommits: number;
  readonly waitingBytes: number;
  /** Pages of actors' databases that were loaded. */
  readonly pagesLoaded: number;
  /** Databases, of several, that cannot be reached. */
  readonly unavailableDatabases: number;
}

/** A store on PostgreSQL, for one node of many. */
export interface PostgresStore extends ActorStore {
  readonly cluster: ClusterStore;
  stats(): PostgresStoreStats;
}
