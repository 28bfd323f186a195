export { SqlSession } from "./internal/actor-file/session.ts";
export { sqliteStoreLimits } from "./limits.ts";
export { type DataDirectoryLock, lockDataDirectory } from "./lock.ts";
export {
  openSqliteStore,
  type SqliteBackup,
  type SqliteStore,
  type SqliteStoreOptions,
  type SqliteStoreStats,
  type SyncEvent,
  type SyncFile,
} from "./store.ts";
