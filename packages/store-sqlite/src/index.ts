export { SqlSession } from "./internal/actor-file/session.ts";
export { sqliteStoreLimits } from "./limits.ts";
export { type DataDirectoryLock, lockDataDirectory } from "./lock.ts";
export {
  openSqliteStore,
  type SqliteBackup,
  type SqliteStore,
  type SqliteStoreOptions,
  type SqliteStoreStats,
} from "./store.ts";
export type { SyncEvent, SyncFile } from "./sync.ts";
