import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { launchDaemon, stopDaemon } from "./daemon.ts";
import { daemonFiles, processStartTime, writeRecord } from "./daemon-record.ts";

test("stopping a background server that has already exited succeeds", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "holdfast-daemon-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const files = daemonFiles(home, "127.0.0.1", 2_468);
  const { pid } = spawnSync(process.execPath, ["--version"]);
  const record = { version: 1, pid, began: "1", url: "http://127.0.0.1:2468", release: "0" } as const;
  await writeRecord(files.record, record);
  await stopDaemon(record, files);
  assert.equal(existsSync(files.record), false);
});

test("a background server that survives SIGKILL is an error, and its record stays", {
  timeout: 30_000,
}, async (t) => {
  const home = await mkdtemp(join(tmpdir(), "holdfast-daemon-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const files = daemonFiles(home, "127.0.0.1", 2_468);
  const child = spawn("sleep", ["60"]);
  t.after(() => child.kill("SIGKILL"));
  await once(child, "spawn");
  const pid = child.pid ?? 0;
  const began = (await processStartTime(pid)) ?? "";
  const record = { version: 1, pid, began, url: "http://127.0.0.1:2468", release: "0" } as const;
  await writeRecord(files.record, record);
  const { mock } = t.mock.method(process, "kill", () => true);
  const ending = stopDaemon(record, files, { endMs: 60, killMs: 60 });
  await assert.rejects(ending, { code: "daemon_failed", message: new RegExp(`process ${pid}, was killed`) });
  assert.deepEqual(
    mock.calls.map((call) => call.arguments),
    [
      [pid, "SIGTERM"],
      [pid, "SIGKILL"],
    ],
  );
  assert.equal(existsSync(files.record), true);
});

test("a background server that fails to start is reported immediately and leaves no timer", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "holdfast-daemon-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const { execPath } = process;
  t.after(() => {
    process.execPath = execPath;
  });
  process.execPath = join(home, "no-node");
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
  const before = timers();
  const files = daemonFiles(home, "127.0.0.1", 2_468);
  const starting = launchDaemon({ host: "127.0.0.1", port: 2_468, files, json: false }, undefined);
  await assert.rejects(starting, /The server did not start: spawn .*no-node ENOENT/);
  assert.equal(timers(), before);
});
