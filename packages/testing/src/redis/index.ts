/** A Redis server for tests, from Debian's package, on loopback. */
export { type RedisServer, sharedRedis, startRedis } from "./redis-server.ts";
