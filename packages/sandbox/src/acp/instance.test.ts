import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { Spawner, type SpawnRequest } from "../internal/spawn/spawner.ts";
import { defaultLimits } from "../limits.ts";
import { AcpInstance } from "./instance.ts";

test("closing an instance during the preparation of its start resolves immediately and starts no process", async (t) => {
  const spawner = new Spawner(silentLogger);
  t.after(() => spawner.close());
  // Stands for an agent that takes long to install.
  const prepared = Promise.withResolvers<SpawnRequest>();
  const instance = new AcpInstance({
    serverId: "s",
    agentId: "a",
    prepare: () => prepared.promise,
    spawner,
    limits: defaultLimits,
    log: silentLogger,
  });
  const started = instance.start();
  await instance.close();
  prepared.resolve({ program: "sleep", args: ["1000"], cwd: "/", env: {} });
  await assert.rejects(started, /closed while it started/);
  assert.equal(instance.isRunning, false);
});
