import type { ActorStore, ClusterStore } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";

/** Options of `openPostgresStore`. */
export interface PostgresStoreOptions {
  /** `postgres://user:password@host:port/database`, with the parameters of libpq that `pg` knows. */
  readonly url: string;
  readonly ports: Ports;
  /** Local directory for copies of actors' databases. It holds nothing that cannot be loaded again. */
  readonly cachePath: string;
  /** The database schema of the tables; `holdfast` by default. */
  readonly schema?: string;
  /** Number of shards, a power of two; 1,024 by default. Fixed when the first actor is stored. */
  readonly shards?: number;
  /**
   * False sends the text of each statement every time: for a pooler that gives each transaction another connection, and
   * does not know prepared statements (PgBouncer before 1.21). By default the store notices by itself.
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
  /** Maximum size of one actor's database in bytes; beyond it, `store.full`. Unlimited by default. */
  readonly maxActorDatabaseBytes?: number;
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
}

/** A store on PostgreSQL, for one node of many. */
export interface PostgresStore extends ActorStore {
  readonly cluster: ClusterStore;
  stats(): PostgresStoreStats;
}
