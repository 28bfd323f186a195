import type { ActorStore } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";
import type { SyncEvent, SyncFile } from "./sync.ts";

/** What `openSqliteStore` takes. */
export interface SqliteStoreOptions {
  /** The directory of the store's files; made when it is absent. */
  readonly path: string;
  readonly ports: Ports;
  /** The database may not grow beyond this many bytes: then `store.full`. No limit by default. */
  readonly maxDatabaseBytes?: number;
  /** The database of one actor may not grow beyond this many bytes: then `store.full`. No limit by default. */
  readonly maxActorDatabaseBytes?: number;
  /** See `sqliteStoreLimits.maxOpenFiles`. */
  readonly maxOpenFiles?: number;
  /** How much of the past of each actor's state is kept; see `sqliteStoreLimits`. */
  readonly history?: { readonly maxAgeMs?: number; readonly maxBytes?: number };
  /** See `sqliteStoreLimits.passiveCheckpointBytes`. */
  readonly passiveCheckpointBytes?: number;
  /** See `sqliteStoreLimits.maxWalBytes`. */
  readonly maxWalBytes?: number;
  /** Told after each sync, before its commits resolve. For tests that cut the WAL. */
  readonly onSync?: (event: SyncEvent) => void;
  /** Replaces the sync of the WAL. For tests of a failing disk. */
  readonly syncFile?: SyncFile;
}

/** What a store has done since it was opened, and what it holds. */
export interface SqliteStoreStats {
  /** Commits and acquisitions that became durable since the store was opened. */
  readonly commits: number;
  readonly transactions: number;
  readonly syncs: number;
  readonly checkpoints: number;
  /** How often commits were held to empty the WAL. */
  readonly holds: number;
  /** Size of the WAL's file; a checkpoint leaves it as it is, to be written over. */
  readonly walBytes: number;
  /** Databases of actors that are open now. */
  readonly openFiles: number;
}

/** A store on SQLite: one database, and a file for each actor that has a database of its own. */
export interface SqliteStore extends ActorStore {
  /**
   * Writes a consistent copy of the live store into `directory`, which must not hold one yet
   * (`store.backup_exists`). It contains at least everything that was acknowledged before the call.
   * Opening a store on that directory is restoring it.
   */
  backup(directory: string): Promise<SqliteBackup>;
  stats(): SqliteStoreStats;
}

/** The database of a backup; files of actors and objects lie beside it. */
export interface SqliteBackup {
  readonly file: string;
  readonly bytes: number;
}
