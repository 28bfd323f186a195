/** Block devices as the kernel lists them, in a plain directory: disks, partitions, and file systems without a disk. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { JailLimits, JailMount, JailSpec } from "../jail.ts";
import { disksUnderMounts, limitsDiskIo } from "./disk-throttling.ts";

function directory(): string {
  const made = mkdtempSync(join(tmpdir(), "holdfast-disks-"));
  removeAtExit(made);
  return made;
}

const specOf = (limits: JailLimits | undefined, ...mounts: readonly JailMount[]): JailSpec => ({
  ...{ id: "x", command: "true", args: [], cwd: "/", env: {}, network: "none", mounts },
  ...(limits === undefined ? {} : { limits }),
});

/** Number of the device of a path: all that tests run on have small ones. */
function deviceOf(path: string): string {
  const { dev } = statSync(path);
  return `${Math.floor(dev / 256)}:${dev % 256}`;
}

/** As /sys/dev/block: a link for each device, to its folder in that of its disk. */
function sysfs(disk: string, device: string, partition?: string): string {
  const root = directory();
  const own = join(root, "devices", disk, partition ?? "");
  mkdirSync(own, { recursive: true });
  writeFileSync(join(root, "devices", disk, "dev"), "8:16\n");
  if (partition !== undefined) {
    writeFileSync(join(own, "dev"), `${device}\n`);
    writeFileSync(join(own, "partition"), "1\n");
  }
  mkdirSync(join(root, "block"));
  symlinkSync(own, join(root, "block", device));
  return join(root, "block");
}

const limits = { diskWritesPerSecond: 100 };

test("each of four limits bounds what is read and written, and no other does", () => {
  const four = [
    "diskReadBytesPerSecond",
    "diskWriteBytesPerSecond",
    "diskReadsPerSecond",
    "diskWritesPerSecond",
  ];
  for (const name of four) assert.equal(limitsDiskIo({ [name]: 65_536 }), true, name);
  const others = { memoryBytes: 1, pids: 1, cpus: 1, tmpBytes: 1, diskBytes: 1, diskEntries: 1 };
  assert.deepEqual([limitsDiskIo(), limitsDiskIo({}), limitsDiskIo(others)], [false, false, false]);
});

test("a file system on a partition is throttled on its disk", () => {
  const source = directory();
  const device = deviceOf(source);
  const spec = specOf(limits, { source, target: "/rw", mode: "rw" });
  const disk = { major: 8, minor: 16, path: "/dev/sdb" };
  assert.deepEqual(disksUnderMounts(spec, sysfs("sdb", device, "sdb1")), [disk]);
  assert.deepEqual(disksUnderMounts(spec, sysfs("sdb", device)), [disk]);
  const [array] = disksUnderMounts(spec, sysfs("cciss!c0d0", device, "cciss!c0d0p1"));
  assert.equal(array?.path, "/dev/cciss/c0d0");
});

test("what could be written on no single disk is refused where it had to be bounded", () => {
  const nowhere = join(directory(), "none");
  mkdirSync(nowhere);
  const writable = { source: "/proc", target: "/rw", mode: "rw" } as const;
  assert.throws(
    () => disksUnderMounts(specOf(limits, writable), nowhere),
    (error) => isErrorCode(error, "jail", "missing_guarantee") && String(error).includes("/rw"),
  );
  assert.deepEqual(disksUnderMounts(specOf(limits, { ...writable, mode: "ro" }), nowhere), []);
  assert.deepEqual(disksUnderMounts(specOf({ pids: 8 }, writable), nowhere), []);
  assert.deepEqual(disksUnderMounts(specOf(undefined, writable), nowhere), []);
  const remote = { source: join(nowhere, "missing"), target: "/rw", mode: "rw", remote: true } as const;
  assert.throws(
    () => disksUnderMounts(specOf(limits, remote), nowhere),
    (error) => isErrorCode(error, "jail", "missing_guarantee"),
  );
  assert.deepEqual(disksUnderMounts(specOf(limits, { ...remote, mode: "ro" }), nowhere), []);
  // Memory is no disk.
  assert.deepEqual(disksUnderMounts(specOf(limits, { ...writable, source: "/dev/shm" }), nowhere), []);
});
