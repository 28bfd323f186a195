/** PostgreSQL store: public API. */
export { postgresStoreLimits } from "./limits.ts";
export { openPostgresStore } from "./store.ts";
export type { PostgresStore, PostgresStoreOptions, PostgresStoreStats } from "./types.ts";
