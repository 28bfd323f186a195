import type { ActorStore, ArchiveSource } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import type { SyncEvent, SyncFile } from "./sync.ts";

/** Options of `openSqliteStore`. */
export interface SqliteStoreOptions {
  /** The directory of the store's files; created if it does not exist. */
  readonly path: string;
  readonly ports: Ports;
  /** Maximum size of the database in bytes; beyond it, `store.full`. Unlimited by default. */
  readonly maxDatabaseBytes?: number;
  /** Maximum size of one actor's database in bytes; beyond it, `store.full`. Unlimited by default. */
  readonly maxActorDatabaseBytes?: number;
  /** See `sqliteStoreLimits.maxOpenFiles`. */
  readonly maxOpenFiles?: number;
  /** How much history of each actor's state is kept; see `sqliteStoreLimits`. */
  readonly history?: { readonly maxAgeMs?: number; readonly maxBytes?: number };
  /** See `sqliteStoreLimits.passiveCheckpointBytes`. */
  readonly passiveCheckpointBytes?: number;
  /** See `sqliteStoreLimits.maxWalBytes`. */
  readonly maxWalBytes?: number;
  /** Called after each sync, before its commits resolve. For tests that truncate the WAL. */
  readonly onSync?: (event: SyncEvent) => void;
  /** Replaces the sync of the WAL. For tests of a failing disk. */
  readonly syncFile?: SyncFile;
}

/** Counters since the store was opened, and its current sizes. */
export interface SqliteStoreStats {
  /** Commits and acquisitions that became durable since the store was opened. */
  readonly commits: number;
  readonly transactions: number;
  readonly syncs: number;
  readonly checkpoints: number;
  /** How often commits were held to empty the WAL. */
  readonly holds: number;
  /** Size of the WAL's file. A checkpoint keeps it, to be overwritten. */
  readonly walBytes: number;
  /** Number of open actor databases. */
  readonly openFiles: number;
}

/** A store on SQLite: one database, and a file for each actor that has a database of its own. */
export interface SqliteStore extends ActorStore {
  /**
   * Writes a consistent copy of the live store into `directory`, which must not contain one (`store.backup_exists`).
   * It contains at least everything acknowledged before the call. To restore it, open a store on that directory.
   */
  backup(directory: string): Promise<SqliteBackup>;
  /** Reads all actors for a move into another store. Nothing may write to this one until it is closed. */
  archives(): Promise<ArchiveSource>;
  stats(): SqliteStoreStats;
}

/** The database of a backup; files of actors and objects lie beside it. */
export interface SqliteBackup {
  readonly file: string;
  readonly bytes: number;
}
