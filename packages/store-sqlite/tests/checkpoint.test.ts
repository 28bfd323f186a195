import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { actorLimits } from "@holdfast/actors";
import { systemPorts } from "@holdfast/core";
import { manualClock } from "@holdfast/testing";
import { actorFilePath } from "../src/internal/actor-file/paths.ts";
import { afterTest, create, integrity, next, openStore, snapshot, tempDirectory } from "./support.ts";

describe("checkpoints", () => {
  test("the log stays near its limit under load, and no commit is lost", async (t) => {
    const path = tempDirectory(t);
    const maxWalBytes = 1_048_576;
    // A passive checkpoint begins two groups below the limit, which commits reach before it has moved so much.
    const store = await openStore(t, { path, maxWalBytes, passiveCheckpointBytes: 786_432 });
    const ids = Array.from({ length: 16 }, (_, index) => `actor-${index}`);
    const versions = 60;
    let largest = 0;
    await Promise.all(
      ids.map(async (id) => {
        await store.commit(create(id, snapshot(4_000)));
        for (let version = 2; version <= versions; version += 1) {
          await store.commit(next(id, version, snapshot(4_000 + version)));
          largest = Math.max(largest, store.stats().walBytes);
        }
      }),
    );
    const stats = store.stats();
    assert.equal(stats.commits, ids.length * versions);
    assert.ok(stats.holds > 0, "commits were held to empty the log");
    assert.ok(stats.checkpoints > stats.holds, "passive checkpoints ran too");
    // One group may exceed the limit; here a group has 16 commits of about 3 pages.
    assert.ok(largest < maxWalBytes + 16 * 6 * 4_200, `the log grew to ${largest} bytes`);
    await store.close();
    assert.equal(integrity(join(path, "actors.db")), "ok");
    const again = await openStore(t, { path });
    for (const id of ids) assert.equal((await again.acquire(id)).state?.snapshot.length, 4_000 + versions);
  });

  test("commits continue while a reader prevents the log from being reset, and it shrinks afterwards", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path, maxWalBytes: 262_144, passiveCheckpointBytes: 131_072 });
    await store.commit(create("a", snapshot(1_000)));
    const reader = new DatabaseSync(join(path, "actors.db"), { readOnly: true });
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM actor").get();
    let version = 1;
    const commit = () => {
      version += 1;
      return store.commit(next("a", version, snapshot(20_000)));
    };
    // The checkpoint that holds commits gives up after the busy timeout of its connection.
    while (store.stats().walBytes < 524_288) await commit();
    reader.close();
    const held = store.stats().holds;
    for (let count = 0; count < 200; count += 1) await commit();
    assert.ok(store.stats().holds >= held);
    assert.equal((await store.get("a"))?.version, version);
  });

  test("run in a program that was passed to Node as text", (t) => {
    const program = `
      import { actorLimits } from "@holdfast/actors";
import { systemPorts } from "@holdfast/core";
      import { openSqliteStore } from "@holdfast/store-sqlite";
      const path = process.argv[1];
      const store = await openSqliteStore({ path, ports: systemPorts(), passiveCheckpointBytes: 16_384 });
      const actor = { actorId: "a", epoch: 1 };
      const state = { type: "snapshot", bytes: new Uint8Array(20_000) };
      await store.commit({ ...actor, version: 1, commitId: "1", create: { name: "n", key: ["a"], createdAt: 1 }, state });
      for (let version = 2; store.stats().checkpoints === 0; version++)
        await store.commit({ ...actor, version, commitId: String(version), state });
      await store.close();
      console.log("checkpoints");`;
    const args = [
      "--disable-warning=ExperimentalWarning",
      "--input-type=module",
      "-e",
      program,
      tempDirectory(t),
    ];
    const said = execFileSync(process.execPath, args, { cwd: import.meta.dirname, encoding: "utf8" });
    assert.equal(said, "checkpoints\n");
  });

  test("a commit itself runs no checkpoint", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    const size = statSync(join(path, "actors.db")).size;
    await store.commit(create("a", snapshot(3_000_000)));
    assert.equal(statSync(join(path, "actors.db")).size, size);
    assert.equal(store.stats().checkpoints, 0);
  });
});

describe("expired call records", () => {
  test("each commit that records a call removes at most two others", async (t) => {
    const path = tempDirectory(t);
    const clock = manualClock();
    const store = await openStore(t, { path, ports: { ...systemPorts(), clock } });
    const call = (key: string) => ({ key, status: "started", expiresAt: clock.now() + 10 }) as const;
    await store.commit(create("a", { calls: Array.from({ length: 100 }, (_, index) => call(`${index}`)) }));
    clock.advance(11);
    const reader = new DatabaseSync(join(path, "actors.db"), { readOnly: true });
    afterTest(t, () => reader.close());
    const count = reader.prepare("SELECT count(*) AS count FROM call");
    for (let step = 1; step <= 50; step += 1) {
      await store.commit(next("a", step + 1, { calls: [call(`new-${step}`)] }));
      assert.equal(count.get()?.["count"], 100 - 2 * step + step);
    }
    await store.commit(next("a", 52));
    assert.equal(count.get()?.["count"], 50);
  });

  for (const database of [false, true]) {
    test(`records of a clock that was ahead do not keep later ones (${database ? "file" : "shared"})`, async (t) => {
      const path = tempDirectory(t);
      const clock = manualClock();
      const store = await openStore(t, { path, ports: { ...systemPorts(), clock } });
      const { callWindowMs } = actorLimits;
      const call = (key: string) =>
        ({ key, status: "done", outcome: new Uint8Array(), expiresAt: clock.now() + callWindowMs }) as const;
      const more = database ? { database: true as const } : {};
      if (database) (await store.databases.open("a", 1, true)).prepare("CREATE TABLE item (n)")?.rows();
      await store.commit(create("a", more));
      let version = 1;
      const commit = (key: string) => store.commit(next("a", ++version, { ...more, calls: [call(key)] }));
      const day = 24 * 3_600_000;
      clock.advance(day);
      for (let n = 0; n < 20; n++) await commit(`ahead-${n}`);
      clock.advance(-day);
      for (let n = 0; n < 20; n++) await commit(`old-${n}`);
      clock.advance(callWindowMs + 1);
      for (let n = 0; n < 60; n++) await commit(`new-${n}`);
      assert.equal(await store.call("a", "old-0"), undefined);
      const file = database ? actorFilePath(path, "a") : join(path, "actors.db");
      const table = database ? "_holdfast_call" : "call";
      const reader = new DatabaseSync(file, { readOnly: true });
      afterTest(t, () => reader.close());
      const count = reader.prepare(`SELECT count(*) AS count FROM ${table} WHERE key LIKE ?`);
      assert.deepEqual(
        ["old-%", "ahead-%", "new-%"].map((key) => count.get(key)?.["count"]),
        [0, 20, 60],
      );
    });
  }
});
