import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { AcpInstance } from "../../acp/instance.ts";
import { readMessage } from "../../acp/message.ts";
import { Spawner } from "../../internal/spawn/spawner.ts";
import { defaultLimits as limits } from "../../limits.ts";
import { SessionLog } from "../store/session-log.ts";
import { SessionStore } from "../store/store.ts";
import { PendingPermissions } from "./pending-permissions.ts";
import type { PermissionVerdict } from "./policy.ts";

test("a permission request that cannot be stored ends its agent and nothing else", async (t) => {
  const spawner = new Spawner(silentLogger);
  const instance = new AcpInstance({
    serverId: "s",
    agentId: "a",
    prepare: async () => ({
      program: "sleep",
      args: ["1000"],
      cwd: "/",
      env: { PATH: process.env.PATH ?? "" },
    }),
    spawner,
    limits,
    log: silentLogger,
  });
  t.after(async () => {
    await instance.close();
    await spawner.close();
  });
  await instance.start();
  const store = new SessionStore(undefined, 1_000_000);
  const times = { createdAt: 0, updatedAt: 0 };
  const record = { id: "1", agent: "a", cwd: "/", origin: "session" as const, mcpServers: [], ...times };
  const { key } = store.insertSession(record);
  const desk = new PendingPermissions({
    store,
    key,
    log: new SessionLog(store, key),
    record: () => record,
    limits,
    // When the policy has decided, the store can no longer be written.
    policy: async (): Promise<PermissionVerdict> => {
      store.close();
      return "ask";
    },
    logger: silentLogger,
  });
  const told = new Promise<void>((resolve) => instance.events.onAppend(() => resolve()));
  const asked = { jsonrpc: "2.0", id: "q", method: "session/request_permission", params: { options: [] } };
  const message = readMessage(JSON.stringify(asked));
  assert.ok(message);
  assert.equal(desk.ask(instance, message), "hold");
  await told;
  assert.match(instance.events.get(1)?.data ?? "", /agent_exited.*session_log_failed/);
});
