/** Public API of the embedded store: options, lock, limits. */
export { SqlSession } from "./internal/actor-file/session.ts";
export { sqliteStoreLimits } from "./limits.ts";
export { type DataDirectoryLock, lockDataDirectory } from "./lock.ts";
export { openSqliteStore } from "./store.ts";
export type { SyncEvent, SyncFile } from "./sync.ts";
export type { SqliteBackup, SqliteStore, SqliteStoreOptions, SqliteStoreStats } from "./types.ts";
