import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { AcpInstances } from "../acp/instances.ts";
import { customAgent } from "../agents/table.ts";
import { Spawner, type SpawnRequest } from "../internal/spawn/spawner.ts";
import { defaultLimits as limits } from "../limits.ts";
import { Sessions } from "./sessions.ts";
import { SessionStore } from "./store/store.ts";

test("a session whose opening was interrupted by a stop of the server does not exist after a restart", async (t) => {
  const dataDirectory = await mkdtemp(join(tmpdir(), "holdfast-sessions-"));
  t.after(() => rm(dataDirectory, { recursive: true, force: true }));
  const spawner = new Spawner(silentLogger);
  t.after(() => spawner.close());
  const row = customAgent({ id: "a", command: "true" });
  const asked = Promise.withResolvers<void>();
  const prepared = Promise.withResolvers<SpawnRequest>();
  const prepare = () => {
    asked.resolve();
    return prepared.promise;
  };
  const agents = new Map([[row.id, row]]);
  const instances = new AcpInstances({ agents, prepare, spawner, limits, log: silentLogger });
  const sessions = new Sessions({ instances, limits, logger: silentLogger, dataDirectory });
  const opening = sessions.create({ agent: row.id, cwd: "/", mcpServers: [], settings: {} });
  const refused = assert.rejects(opening, { code: "stream_error" });
  await asked.promise;

  sessions.stopPrompts();
  await instances.close();
  const closing = sessions.close();
  prepared.reject(new Error("the server stops"));
  await refused;
  await closing;

  const next = new SessionStore(dataDirectory, 0);
  t.after(() => next.close());
  assert.deepEqual(next.sessions(), []);
});
