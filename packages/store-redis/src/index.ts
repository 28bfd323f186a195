/** Store on Redis or Valkey: public API. */
export type { MigrationPlan, MigrationProgress, MigrationReport } from "@holdfast/store-kit";
export { redisStoreLimits } from "./limits.ts";
export { type MigrateOptions, migrateToRedis, planMigration } from "./migrate.ts";
export { openRedisStore } from "./store.ts";
export type { RedisDurability, RedisStore, RedisStoreOptions, RedisStoreStats } from "./types.ts";
