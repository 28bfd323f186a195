import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { SyncFile } from "../../sync.ts";
import { Wal } from "./wal.ts";

/** A log on a disk whose syncs take `disk.ms` of a simulated time. */
function timedWal(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-wal-"));
  const path = join(directory, "log");
  writeFileSync(path, "content");
  const disk = { ms: 0 };
  let now = 0;
  const ways: string[] = [];
  const syncFile: SyncFile = {
    sync() {
      now += disk.ms;
      ways.push("in line");
    },
    async syncAsync() {
      now += disk.ms;
      ways.push("off loop");
    },
  };
  const wal = new Wal(path, syncFile, () => now);
  t.after(() => {
    wal.close();
    rmSync(directory, { recursive: true });
  });
  return { wal, disk, ways, path };
}

test("a lone commit is synced in line on a quick disk, several off the event loop", async (t) => {
  const { wal, disk, ways } = timedWal(t);
  disk.ms = 0.9;
  for (let count = 0; count < 10; count += 1) assert.equal(wal.sync(true), undefined);
  await wal.sync(false);
  assert.deepEqual(ways.slice(-2), ["in line", "off loop"]);
});

test("on a slow disk every sync is off the event loop, but for one in 64 that measures it", async (t) => {
  const { wal, disk, ways } = timedWal(t);
  disk.ms = 5;
  for (let count = 0; count < 1 + 2 * 64; count += 1) await wal.sync(true);
  assert.equal(ways[0], "in line");
  assert.equal(ways.filter((way) => way === "in line").length, 3);
  disk.ms = 0.1;
  for (let count = 0; count < 64; count += 1) await wal.sync(true);
  await wal.sync(true);
  assert.deepEqual(ways.slice(-2), ["in line", "in line"]);
});

test("one slow sync does not make a disk slow", async (t) => {
  const { wal, disk, ways } = timedWal(t);
  disk.ms = 0.2;
  for (let count = 0; count < 10; count += 1) await wal.sync(true);
  disk.ms = 3;
  await wal.sync(true);
  disk.ms = 0.2;
  await wal.sync(true);
  assert.deepEqual(new Set(ways), new Set(["in line"]));
});

test("a log that was replaced or removed is noticed", (t) => {
  const { wal, path } = timedWal(t);
  wal.assertSame();
  rmSync(path);
  assert.throws(() => wal.assertSame());
  writeFileSync(`${path}.other`, "");
  writeFileSync(path, "content");
  assert.throws(() => wal.assertSame(), /replaced/);
});

test("space is preallocated in steps up to the limit, and contains only zeros", (t) => {
  const { wal, path } = timedWal(t);
  const step = 1_048_576;
  wal.reserve(0, 2 * step);
  assert.equal(statSync(path).size, "content".length + step);
  wal.reserve(step / 2, 2 * step);
  assert.equal(statSync(path).size, "content".length + step, "there is room for more");
  wal.reserve(step, 2 * step);
  wal.reserve(2 * step, 2 * step);
  assert.equal(statSync(path).size, 2 * step);
  const bytes = readFileSync(path);
  assert.equal(bytes.toString("latin1", 0, 7), "content");
  assert.ok(bytes.subarray(7).every((byte) => byte === 0));
});
