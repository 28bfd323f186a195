/** The argument of `SqliteStoreOptions.onSync`. */
export interface SyncEvent {
  /** Length of the WAL's valid content when the sync started; 0 right after a restart. */
  readonly walBytes: number;
  /** Number of commits and acquisitions that the sync made durable. */
  readonly commits: number;
}

/** Two ways to sync the WAL: both make everything durable that was written to `fd` before the call. */
export interface SyncFile {
  sync(fd: number): void;
  syncAsync(fd: number): Promise<void>;
}
