import assert from "node:assert/strict";
import { test } from "node:test";
import { SandboxAgent } from "@holdfast/sandbox-client";
import { parseConfig } from "./config.ts";
import { createSandboxFs } from "./mount/sandbox-fs.ts";

test("options may be nested or flat, and those that cannot be ignored are refused", () => {
  const nested = parseConfig({ options: { env: { A: "1" }, software: [{}], hosts: ["example.com"] } });
  assert.deepEqual([nested.machine.env, nested.machine.hosts], [{ A: "1" }, [{ host: "example.com" }]]);
  assert.equal(parseConfig({}).host.provider, "jail");
  assert.equal(parseConfig({ provider: "local" }).host.provider, "local");
  const bad: readonly Record<string, unknown>[] = [
    { provider: "none" },
    { bindings: [] },
    { options: { toolKits: [] } },
    { unknown: 1 },
    { snapshots: { intervalMs: 10 } },
    { spares: 99 },
    { mounts: [{ path: "/sandbox", driver: {} }] },
    { mounts: [{ path: "relative", hostPath: "/" }] },
    { mounts: [{ path: "/data", hostPath: "/does/not/exist" }] },
    { preview: { maxExpiresInSeconds: -1 } },
  ];
  for (const config of bad)
    assert.throws(() => parseConfig(config), { code: "invalid_config" }, JSON.stringify(config));
});

test("another sandbox is a mount of a jail, as driver or plugin", async () => {
  const client = await SandboxAgent.connect({ baseUrl: "http://127.0.0.1:1", skipHealthCheck: true });
  const driver = createSandboxFs({ client, basePath: "/work" });
  for (const mount of [
    { path: "/sandbox", driver, readOnly: true },
    { path: "/sandbox", plugin: driver, readOnly: true },
  ]) {
    const { machine } = parseConfig({ mounts: [mount] });
    assert.deepEqual(machine.sandboxes, [{ path: "/sandbox", driver, readOnly: true }]);
    assert.throws(() => parseConfig({ mounts: [mount], provider: "local" }), { code: "invalid_config" });
  }
  // Machines that were started ahead are told apart by their settings as JSON.
  assert.notEqual(JSON.stringify(driver), JSON.stringify(createSandboxFs({ client })));
  assert.throws(() => createSandboxFs({ client, basePath: "work" }), { code: "invalid_config" });
  assert.throws(() => createSandboxFs({ client, timeoutMs: 0 }), { code: "invalid_config" });
  assert.throws(() => createSandboxFs({ client: {} as SandboxAgent }), { code: "invalid_config" });
  await client.dispose();
});
