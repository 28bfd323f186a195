/** Store on Redis or Valkey: public API. */
export { redisStoreLimits } from "./limits.ts";
export { openRedisStore } from "./store.ts";
export type { RedisDurability, RedisStore, RedisStoreOptions, RedisStoreStats } from "./types.ts";
