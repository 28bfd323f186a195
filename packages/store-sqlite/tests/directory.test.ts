import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { create, openStore, tempDirectory } from "./support.ts";

test("the names of new files are durable before a commit is acknowledged", async (t) => {
  const synced: string[] = [];
  const fsyncSync = fs.fsyncSync;
  // The real sync, recorded.
  t.mock.method(fs, "fsyncSync", (fd: number) => {
    synced.push(
      `${fs.readlinkSync(`/proc/self/fd/${fd}`)}: ${fs.readdirSync(`/proc/self/fd/${fd}/`).join(" ")}`,
    );
    fsyncSync(fd);
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const above = tempDirectory(t);
  const path = join(above, "made", "here");
  const store = await openStore(t, { path });
  const expected = [`${join(above, "made")}: here`, `${above}: made`];
  assert.deepEqual(synced.slice(0, 2), expected);
  const last = synced.at(-1) ?? "";
  assert.ok(last.startsWith(`${path}: `) && last.includes("actors.db-wal"), last);
  const count = synced.length;
  await store.commit(create("a"));
  assert.equal(synced.length, count, "a commit makes no file");
});

test("commits that a crash left in the log are durable before the store answers", async (t) => {
  const path = tempDirectory(t);
  const crashed = tempDirectory(t);
  const store = await openStore(t, { path, syncFile: { sync: () => {}, syncAsync: async () => {} } });
  await store.commit(create("a"));
  // By another process: closing the database's file in this one would drop the store's locks.
  execFileSync("cp", [join(path, "actors.db"), join(path, "actors.db-wal"), crashed]);
  await store.close();

  const synced: string[] = [];
  const fdatasyncSync = fs.fdatasyncSync;
  t.mock.method(fs, "fdatasyncSync", (fd: number) => {
    synced.push(`${fs.readlinkSync(`/proc/self/fd/${fd}`)}: ${fs.fstatSync(fd).size > 0}`);
    fdatasyncSync(fd);
  });
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  const again = await openStore(t, { path: crashed });
  assert.deepEqual(synced, [`${join(crashed, "actors.db-wal")}: true`]);
  assert.equal((await again.get("a"))?.version, 1);
});
