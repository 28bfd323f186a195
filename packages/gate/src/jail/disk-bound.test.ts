/** When a jail's bound is looked at, with a file system whose numbers the test says. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { boundDisk, diskWatchLimits } from "./disk-bound.ts";
import type { DiskSpace, DiskUse } from "./disk-use.ts";
import type { Jail, JailExit } from "./jail.ts";

test("a file system that runs full while the mounts are measured ends the jail", {
  timeout: 10_000,
}, async () => {
  const exit = Promise.withResolvers<JailExit>();
  const stopped: JailExit = { code: null, signal: "SIGKILL", reason: "stopped" };
  const jail: Jail = {
    ...{ id: "j", pid: process.pid, exited: exit.promise, usage: () => ({}) },
    ...{ stdin: new PassThrough(), stdout: new PassThrough(), stderr: new PassThrough() },
    stop: async () => {
      exit.resolve(stopped);
      return stopped;
    },
  };
  const { floorBytes } = diskWatchLimits;
  const first: DiskSpace = { usedBytes: 0, usedEntries: 0, freeBytes: 4 * floorBytes };
  const full: DiskSpace = { usedBytes: 3 * floorBytes, usedEntries: 1, freeBytes: floorBytes - 1 };
  const measuring = Promise.withResolvers<DiskUse>();
  let begun = false;
  const bounded = boundDisk(
    jail,
    {
      ...{ id: "j", command: "/bin/true", args: [], cwd: "/", env: {}, network: "none" as const },
      mounts: [{ source: "/work", target: "/work", mode: "rw" }],
      limits: { diskBytes: 1024 * floorBytes },
    },
    {
      space: async () => (begun ? full : first),
      measure: () => {
        begun = true;
        return measuring.promise;
      },
    },
  );
  const { reason, detail } = await bounded.exited;
  measuring.resolve({ bytes: 0, entries: 0, hidden: false });
  assert.equal(reason, "disk");
  assert.match(detail ?? "", /the file system of its mounts has \d+ bytes left/);
});
