import assert from "node:assert/strict";
import { test } from "node:test";
import { SandboxAgent } from "@holdfast/sandbox-client";
import { parseConfig } from "./config.ts";
import { createS3Backend, createS3BackendForAgent, type S3BackendOptions } from "./mount/bucket-driver.ts";
import { createHostDirBackend, createInMemoryFileSystem, createSandboxFs } from "./mount/drivers.ts";
import { MountDriver } from "./mount/mount-driver.ts";
import type { PluginDescription } from "./mount/mounts.ts";

test("options may be nested or flat, and those that cannot be ignored are refused", () => {
  const nested = parseConfig({ options: { env: { A: "1" }, software: [{}], hosts: ["example.com"] } });
  assert.deepEqual([nested.machine.env, nested.machine.hosts], [{ A: "1" }, [{ host: "example.com" }]]);
  assert.equal(parseConfig({}).host.provider, "jail");
  assert.equal(parseConfig({ provider: "local" }).host.provider, "local");
  const bad: readonly Record<string, unknown>[] = [
    { provider: "none" },
    { permissions: {} },
    { options: { toolKits: [{ name: "Not Kebab", description: "x", tools: {} }] } },
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
    assert.deepEqual(machine.drivers, [{ path: "/sandbox", driver, readOnly: true }]);
    assert.throws(() => parseConfig({ mounts: [mount], provider: "local" }), { code: "invalid_config" });
  }
  // Machines that were started ahead are told apart by their settings as JSON.
  assert.notEqual(JSON.stringify(driver), JSON.stringify(createSandboxFs({ client })));
  assert.throws(() => createSandboxFs({ client, basePath: "work" }), { code: "invalid_config" });
  assert.throws(() => createSandboxFs({ client, timeoutMs: 0 }), { code: "invalid_config" });
  assert.throws(() => createSandboxFs({ client: {} as SandboxAgent }), { code: "invalid_config" });
  await client.dispose();
});

test("memory, buckets and folders of the host are mounts, by driver or by name", () => {
  const ways: readonly [{ driver: MountDriver } | { plugin: PluginDescription }, string][] = [
    [{ driver: createInMemoryFileSystem() }, "memory"],
    [{ plugin: { id: "memory", config: { maxBytes: 1_000 } } }, "memory by name"],
    [{ driver: createS3Backend({ bucket: "my-bucket", prefix: "agent-data/" }) }, "a bucket"],
    [{ driver: createS3BackendForAgent({ key: "a/b" }, { bucket: "my-bucket" }) }, "a bucket for an agent"],
    [{ plugin: { id: "s3", config: { bucket: "my-bucket", region: "eu-west-1" } } }, "a bucket by name"],
  ];
  for (const [way, name] of ways) {
    const { drivers } = parseConfig({ mounts: [{ path: "/data", ...way }] }).machine;
    assert.ok(drivers[0]?.driver instanceof MountDriver, name);
  }
  const folder = { path: "/data", readOnly: true } as const;
  for (const way of [
    { driver: createHostDirBackend({ hostPath: "/tmp" }) },
    { plugin: { id: "host_dir", config: { hostPath: "/tmp" } } } as const,
  ])
    assert.deepEqual(parseConfig({ mounts: [{ ...folder, ...way }] }).machine.mounts, [
      { ...folder, hostPath: "/tmp" },
    ]);
  const drive = { id: "google_drive", config: {} } as unknown as PluginDescription;
  assert.throws(() => parseConfig({ mounts: [{ path: "/data", plugin: drive }] }), {
    code: "invalid_config",
    message: /Google Drive/,
  });
  const bad: readonly Record<string, unknown>[] = [
    { bucket: "x" },
    { bucket: "name", endpoint: "ftp://host" },
    { bucket: "name", prefix: "/a" },
    { bucket: "name", timeoutMs: 0 },
    { bucket: "name", chunkSize: 4 },
  ];
  for (const options of bad)
    assert.throws(() => createS3Backend(options as unknown as S3BackendOptions), { code: "invalid_config" });
  assert.throws(() => createInMemoryFileSystem({ maxBytes: 0 }), { code: "invalid_config" });
  assert.throws(() => createS3BackendForAgent({ key: "" }, { bucket: "name" }), { code: "invalid_config" });
});
