import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { Spawner, type SpawnRequest } from "../internal/spawn/spawner.ts";
import { defaultLimits } from "../limits.ts";
import { AcpInstance } from "./instance.ts";

test("an instance that is closed while its start is prepared waits for nobody, and starts nothing", async (t) => {
  const spawner = new Spawner(silentLogger);
  t.after(() => spawner.close());
  // As long as an agent is installed that was missing.
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
