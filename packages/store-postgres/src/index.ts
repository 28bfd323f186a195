/** PostgreSQL store: public API. */
export type { MigrationPlan, MigrationProgress, MigrationReport } from "@holdfast/store-kit";
export { type BucketOptions, bucketFromUrl } from "./internal/blobs/bucket-options.ts";
export { postgresStoreLimits } from "./limits.ts";
export { type MigrateOptions, migrateToPostgres, planMigration } from "./migrate.ts";
export { openPostgresStore } from "./store.ts";
export type { PostgresStore, PostgresStoreOptions, PostgresStoreStats } from "./types.ts";
