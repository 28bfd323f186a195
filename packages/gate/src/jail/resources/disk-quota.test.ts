/** When a jail's bound is looked at, with a file system whose numbers the test says. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { Jail, JailExit, JailSpec } from "../jail.ts";
import { diskWatchLimits, enforceDiskQuota } from "./disk-quota.ts";
import { type DiskSpace, type DiskUsage, measureDisk } from "./disk-usage.ts";

const { floorBytes } = diskWatchLimits;
const first: DiskSpace = { usedBytes: 0, usedEntries: 0, freeBytes: 4 * floorBytes };

const spec: JailSpec = {
  ...{ id: "j", command: "/bin/true", args: [], cwd: "/", env: {}, network: "none" as const },
  mounts: [
    { source: "/work", target: "/work", mode: "rw" },
    { source: "/remote", target: "/remote", mode: "rw", remote: true },
  ],
  limits: { diskBytes: 1024 * floorBytes },
};

/** A jail that runs until it is stopped. */
function running(): Jail {
  const exit = Promise.withResolvers<JailExit>();
  return {
    ...{ id: "j", pid: process.pid, exited: exit.promise, usage: () => ({}) },
    ...{ stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() },
    stop: async () => {
      exit.resolve({ code: null, signal: "SIGKILL", reason: "stopped" });
      return exit.promise;
    },
  };
}

test("a file system that runs full while the mounts are measured ends the jail", {
  timeout: 10_000,
}, async () => {
  const full: DiskSpace = { usedBytes: 3 * floorBytes, usedEntries: 1, freeBytes: floorBytes - 1 };
  const measuring = Promise.withResolvers<DiskUsage>();
  let begun = false;
  const bounded = enforceDiskQuota(running(), spec, {
    space: async () => (begun ? full : first),
    measure: () => {
      begun = true;
      return measuring.promise;
    },
  });
  const { reason, detail } = await bounded.exited;
  measuring.resolve({ bytes: 0, entries: 0, hidden: false });
  assert.equal(reason, "disk");
  assert.match(detail ?? "", /the file system of its mounts has \d+ bytes left/);
});

test("a running measurement ends with its jail", { timeout: 10_000 }, async () => {
  const measuring = Promise.withResolvers<AbortSignal>();
  const bounded = enforceDiskQuota(running(), spec, {
    space: async (paths) => {
      assert.deepEqual(paths, ["/work"]);
      return first;
    },
    measure: async (paths, _pids, _withEntries, signal) => {
      assert.deepEqual(paths, ["/work"]);
      measuring.resolve(signal);
      await once(signal, "abort");
      return { bytes: 0, entries: 0, hidden: true };
    },
  });
  const signal = await measuring.promise;
  assert.equal((await bounded.stop()).reason, "stopped");
  assert.ok(signal.aborted);
});

test("an aborted measurement counts no files", async () => {
  const over = new AbortController();
  const measured = measureDisk(["/usr"], [], true, over.signal);
  over.abort();
  assert.deepEqual(await measured, { bytes: 0, entries: 0, hidden: true });
  assert.equal(
    (await measureDisk([import.meta.dirname], [], true, new AbortController().signal)).hidden,
    false,
  );
});
