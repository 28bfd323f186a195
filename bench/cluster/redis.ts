/**
 * Commits of one node on Redis, compared with a bare SET of the same bytes by the same driver, and with the store on
 * PostgreSQL. Both servers sync each commit to the disk; nodes, servers and clients share the machine.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemPorts } from "@holdfast/core";
import { openRedisStore } from "@holdfast/store-redis";
import { startRedis } from "@holdfast/testing/redis";
import { Redis } from "ioredis";
import { interleave, most, type Outcome, rounds, type Scenario } from "../internal/scenario.ts";
import { measureTurns, storeTurns, turnBytes } from "./commits.ts";
import { startNodes } from "./node.ts";

async function run(callers: number): Promise<Outcome> {
  const [nodes, server] = [await startNodes(1), await startRedis()];
  const [postgres] = nodes.stores;
  if (postgres === undefined) throw new Error("There is no store");
  const cachePath = mkdtempSync(join(tmpdir(), "holdfast-bench-cache-"));
  const redis = await openRedisStore({ url: server.url(), cachePath, ports: systemPorts() });
  const client = new Redis(server.port);
  const bare = async (id: string) => () => client.set(`bare:${id}`, turnBytes);
  try {
    const samples = await interleave(
      {
        redis: () => measureTurns(callers, (id) => storeTurns(redis, id)),
        bare: () => measureTurns(callers, bare),
        postgres: () => measureTurns(callers, (id) => storeTurns(postgres, id)),
      },
      Math.min(rounds, 6),
    );
    return {
      figures: [
        { name: "store-redis", value: most(samples.redis), unit: "/s" },
        { name: "bare SET", value: most(samples.bare), unit: "/s" },
        { name: "store-postgres", value: most(samples.postgres), unit: "/s" },
      ],
      floors: [],
      samples,
    };
  } finally {
    client.disconnect();
    await redis.close();
    await server.stop();
    await nodes.close();
    rmSync(cachePath, { recursive: true });
  }
}

export function redisScenario(callers: number): Scenario {
  return { name: `redis-commits-${callers}`, run: () => run(callers) };
}
