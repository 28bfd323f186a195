import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { endDaemon, launchDaemon } from "./daemon.ts";
import { beganAt, daemonPlace, writeRecord } from "./daemon-record.ts";

test("a background server that ends by itself before it is told to is ended", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "holdfast-daemon-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const place = daemonPlace(home, "127.0.0.1", 2_468);
  const { pid } = spawnSync(process.execPath, ["--version"]);
  const record = { version: 1, pid, began: "1", url: "http://127.0.0.1:2468", release: "0" } as const;
  await writeRecord(place.record, record);
  await endDaemon(record, place);
  assert.equal(existsSync(place.record), false);
});

test("a background server that the system does not let go is told, and its record stays", {
  timeout: 30_000,
}, async (t) => {
  const home = await mkdtemp(join(tmpdir(), "holdfast-daemon-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const place = daemonPlace(home, "127.0.0.1", 2_468);
  const child = spawn("sleep", ["60"]);
  t.after(() => child.kill("SIGKILL"));
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  const began = (await beganAt(pid)) ?? "";
  const record = { version: 1, pid, began, url: "http://127.0.0.1:2468", release: "0" } as const;
  await writeRecord(place.record, record);
  const { mock } = t.mock.method(process, "kill", () => true);
  const ending = endDaemon(record, place, { endMs: 60, killMs: 60 });
  await assert.rejects(ending, { code: "daemon_failed", message: new RegExp(`process ${pid}, was killed`) });
  assert.deepEqual(
    mock.calls.map((call) => call.arguments),
    [
      [pid, "SIGTERM"],
      [pid, "SIGKILL"],
    ],
  );
  assert.equal(existsSync(place.record), true);
});

test("a background server that cannot be started is told at once, and nothing waits for it", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "holdfast-daemon-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const { execPath } = process;
  t.after(() => {
    process.execPath = execPath;
  });
  process.execPath = join(home, "no-node");
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  const place = daemonPlace(home, "127.0.0.1", 2_468);
  const starting = launchDaemon({ host: "127.0.0.1", port: 2_468, place, json: false }, undefined);
  await assert.rejects(starting, /The server did not start: spawn .*no-node ENOENT/);
  assert.equal(timers(), before);
});
