import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "./config.ts";
import { createSandboxFs } from "./sandbox-mount.ts";

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

test("another sandbox is not mounted, and the error says what to do instead", () => {
  assert.throws(() => createSandboxFs({ client: {} }), { code: "no_fuse", message: /hostPath/ });
});
