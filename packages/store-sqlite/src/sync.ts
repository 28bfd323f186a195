/** What `SqliteStoreOptions.onSync` is told. */
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
