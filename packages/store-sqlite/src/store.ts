import type { ActorStore } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";

export interface SqliteStoreOptions {
  /** The directory of the store's files; made when it is absent. */
  readonly path: string;
  readonly ports: Ports;
  /** The database may not grow beyond this many bytes: then `store.full`. No limit by default. */
  readonly maxDatabaseBytes?: number;
  /** See `sqliteStoreLimits.passiveCheckpointBytes`. */
  readonly passiveCheckpointBytes?: number;
  /** See `sqliteStoreLimits.maxWalBytes`. */
  readonly maxWalBytes?: number;
  /** Told after each sync, before its commits resolve. For tests that cut the WAL. */
  readonly onSync?: (event: SyncEvent) => void;
  /** Replaces the sync of the WAL. For tests of a failing disk. */
  readonly syncFile?: SyncFile;
}

export interface SyncEvent {
  /** Length of the WAL's valid content when the sync started; 0 right after a restart. */
  readonly walBytes: number;
  /** How many commits and acquisitions the sync made durable. */
  readonly commits: number;
}

/** How the WAL is synced: both make everything durable that was written to `fd` before the call. */
export interface SyncFile {
  sync(fd: number): void;
  syncAsync(fd: number): Promise<void>;
}

export interface SqliteStoreStats {
  /** Commits and acquisitions that became durable since the store was opened. */
  readonly commits: number;
  readonly transactions: number;
  readonly syncs: number;
  readonly checkpoints: number;
  /** How often commits were held to empty the WAL. */
  readonly holds: number;
  /** Length of the WAL's valid content. */
  readonly walBytes: number;
}

export interface SqliteStore extends ActorStore {
  /**
   * Writes a consistent copy of the live store into `directory`, which must not hold one yet
   * (`store.backup_exists`). It contains at least everything that was acknowledged before the call.
   * Opening a store on that directory is restoring it.
   */
  backup(directory: string): Promise<SqliteBackup>;
  stats(): SqliteStoreStats;
}

export interface SqliteBackup {
  readonly file: string;
  readonly bytes: number;
}

/**
 * Opens (or makes) the store in a directory. The directory is locked for this process.
 *
 * Throws `store.locked` (another process has it), `store.corrupt`, `store.format_too_new` (written by
 * a newer release), `store.unavailable` (the directory cannot be made or written), `store.full`.
 */
export async function openSqliteStore(_options: SqliteStoreOptions): Promise<SqliteStore> {
  throw new Error("not built yet");
}
