import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemPorts } from "@holdfast/core";
import { openRedisStore, type RedisStore } from "@holdfast/store-redis";
import { actorStoreConformance, clusterStoreConformance } from "@holdfast/testing";
import { sharedRedis } from "@holdfast/testing/redis";

const server = await sharedRedis();

actorStoreConformance("redis", async (ports) => {
  const cachePath = await mkdtemp(join(tmpdir(), "holdfast-cache-"));
  const options = { url: server.url(), cachePath, ports };
  let store = await openRedisStore(options);
  return {
    store,
    async reopen() {
      await store.close();
      store = await openRedisStore(options);
      return store;
    },
    async dispose() {
      await store.close();
      await rm(cachePath, { recursive: true });
    },
  };
});

clusterStoreConformance("leases in redis", async () => {
  const stores: RedisStore[] = [];
  const directories: string[] = [];
  const open = async (url: string) => {
    const cachePath = await mkdtemp(join(tmpdir(), "holdfast-cache-"));
    directories.push(cachePath);
    const store = await openRedisStore({ url, cachePath, ports: systemPorts() });
    stores.push(store);
    return store.cluster;
  };
  return {
    async open() {
      const url = server.url();
      return [await open(url), await open(url)];
    },
    async dispose() {
      await Promise.all(stores.map((store) => store.close()));
      await Promise.all(directories.map((path) => rm(path, { recursive: true, force: true })));
    },
  };
});
