import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  code,
  create,
  heldSync,
  integrity,
  isPending,
  next,
  openStore,
  snapshot,
  tempDirectory,
} from "./support.ts";

describe("group sync", () => {
  test("one sync covers the commits that were written before it started, and no later one", async (t) => {
    const held = heldSync();
    const store = await openStore(t, { syncFile: held.syncFile });
    const first = Promise.all(["a", "b", "d", "e", "f"].map((id) => store.commit(create(id))));
    await held.started();
    const second = Promise.all([store.commit(next("a", 2)), store.commit(create("c"))]);
    assert.equal(await isPending(first), true);
    assert.equal(held.count(), 1);
    held.release();
    await first;
    await held.started();
    assert.equal(held.count(), 2);
    assert.equal(await isPending(second), true);
    held.release();
    await second;
    assert.equal(store.stats().commits, 7);
    assert.equal(store.stats().transactions, 2);
  });

  test("half as many callers as the running sync serves start the next one beside it", async (t) => {
    const held = heldSync();
    const store = await openStore(t, { syncFile: held.syncFile });
    const first = Promise.all([store.commit(create("a")), store.commit(create("b"))]);
    await held.started();
    const second = store.commit(next("a", 2));
    assert.equal(await isPending(second), true);
    assert.equal(held.count(), 2);
    const third = store.commit(next("a", 3));
    assert.equal(await isPending(third), true);
    assert.equal(held.count(), 2);
    held.releaseNewest();
    assert.equal(await isPending(Promise.race([first, second])), true);
    held.release();
    await Promise.all([first, second]);
    await held.started();
    held.release();
    await third;
    assert.deepEqual([store.stats().transactions, store.stats().syncs], [3, 3]);
  });

  test("an acquisition waits only for the data that it loads; its epoch becomes durable with the first commit under it", async (t) => {
    const held = heldSync();
    const store = await openStore(t, { syncFile: held.syncFile });
    const created = Promise.all([store.commit(create("a")), store.commit(create("b"))]);
    await held.started();
    const early = store.acquire("a");
    assert.equal(await isPending(early), true);
    held.release();
    await created;
    await held.started();
    held.release();
    assert.equal((await early).record.epoch, 2);
    const syncs = held.count();
    assert.equal((await store.acquire("b")).record.epoch, 2);
    await assert.rejects(store.commit(next("b", 2)), code("actor", "fenced"));
    const first = store.commit({ ...next("b", 2), epoch: 2 });
    await held.started();
    assert.equal(await isPending(first), true);
    held.release();
    await first;
    assert.equal(held.count(), syncs + 1);
  });

  test("the sync of many commits starts within the same turn of the event loop", async (t) => {
    const held = heldSync();
    const store = await openStore(t, { syncFile: held.syncFile });
    const ids = Array.from({ length: 70 }, (_, n) => String(n));
    const commits = Promise.all(ids.map((id) => store.commit(create(id))));
    assert.equal(held.count(), 1);
    held.release();
    await held.started();
    held.release();
    await commits;
    assert.deepEqual([store.stats().transactions, store.stats().syncs], [2, 2]);
  });

  test("the sync of a commit for several callers starts immediately; commits during it wait for the next one", async (t) => {
    const held = heldSync();
    const store = await openStore(t, { syncFile: held.syncFile });
    const callsOf = (keys: readonly string[]) =>
      keys.map((key) => ({ key, status: "done" as const, expiresAt: Number.MAX_SAFE_INTEGER }));
    const waiting = store.commit(create("a"));
    const several = store.commit(create("b", { calls: callsOf(["k", "l", "m", "n"]) }));
    assert.equal(held.count(), 1);
    const later = store.commit(create("c", { calls: callsOf(["k", "l"]) }));
    assert.equal(await isPending(Promise.race([waiting, several, later])), true);
    assert.equal(held.count(), 1);
    held.release();
    await Promise.all([waiting, several]);
    await held.started();
    assert.equal(held.count(), 2);
    assert.equal(await isPending(later), true);
    held.release();
    await later;
    assert.deepEqual([store.stats().transactions, store.stats().syncs], [2, 2]);
  });

  test("a read returns only durable data", async (t) => {
    const held = heldSync();
    const store = await openStore(t, { syncFile: held.syncFile });
    const call = { key: "k", status: "done", expiresAt: Number.MAX_SAFE_INTEGER } as const;
    const commits = Promise.all([store.commit(create("a", { calls: [call] })), store.commit(create("b"))]);
    await held.started();
    const reads = [
      store.find("test", ["a"]),
      store.get("a"),
      store.call("a", "k"),
      store.list({ limit: 5 }),
      store.due(0, 5),
    ];
    for (const read of reads) assert.equal(await isPending(read), true);
    assert.equal(await store.get("unknown"), undefined);
    held.release();
    await commits;
    assert.equal(((await reads[0]) as { id: string }).id, "a");
    await Promise.all(reads);
    assert.equal((await store.call("a", "k"))?.status, "done");

    const destroyed = Promise.all([
      store.commit(next("a", 2, { destroyedAt: 1 })),
      store.commit(next("b", 2)),
    ]);
    await held.started();
    const gone = store.find("test", ["a"]);
    assert.equal(await isPending(gone), true);
    held.release();
    await destroyed;
    assert.equal(await gone, undefined);
  });
});

test("a refused destruction of an actor with objects is reported immediately, and only to its caller", async (t) => {
  const path = tempDirectory(t);
  const first = await openStore(t, { path });
  await first.commit(create("a"));
  const object = async function* () {
    yield Uint8Array.of(1);
  };
  await first.blobs.put("a", object(), 1);
  await first.close();
  const held = heldSync();
  const store = await openStore(t, { path, syncFile: held.syncFile });
  await assert.rejects(store.commit(next("a", 7, { destroyedAt: 1 })), code("actor", "fenced"));
  held.letGo();
});

describe("a failed sync", () => {
  test("fails the store: waiting commits are indeterminate, new ones are refused, and nothing is synced again", async (t) => {
    const path = tempDirectory(t);
    const held = heldSync();
    const store = await openStore(t, { path, syncFile: held.syncFile });
    const before = Promise.all([store.commit(create("a")), store.commit(create("b"))]);
    await held.started();
    held.release();
    await before;

    const waiting = [store.commit(next("a", 2)), store.commit(next("b", 2)), store.commit(create("d"))];
    await held.started();
    const behind = store.commit(next("a", 3));
    const read = store.get("a");
    held.release(new Error("EIO: i/o error, fdatasync"));
    for (const commit of waiting) await assert.rejects(commit, code("store", "indeterminate"));
    await assert.rejects(behind, code("store", "failed"));
    await assert.rejects(read, code("store", "failed"));
    await assert.rejects(store.commit(create("c")), code("store", "failed"));
    await assert.rejects(store.acquire("a"), code("store", "failed"));
    await assert.rejects(store.get("a"), code("store", "failed"));
    await assert.rejects(store.kvGet("a", new Uint8Array()), code("store", "failed"));
    assert.equal(held.count(), 2);

    const database = join(path, "actors.db");
    // By another process: closing the database's file in this one would drop the store's locks.
    const content = execFileSync("cat", [database]);
    await store.close();
    assert.equal(existsSync(`${database}-wal`), true, "closing left the log for the next process to judge");
    assert.equal(readFileSync(database).equals(content), true, "closing moved nothing into the database");
    assert.equal(held.count(), 2);

    const again = await openStore(t, { path });
    assert.ok(((await again.get("a"))?.version ?? 0) >= 1);
    await again.commit(create("c"));
    await again.close();
    assert.equal(integrity(database), "ok");
  });

  test("while the store is being closed fails it too, and checkpoints nothing", async (t) => {
    const path = tempDirectory(t);
    const held = heldSync();
    const store = await openStore(t, { path, syncFile: held.syncFile });
    const waiting = [store.commit(create("a")), store.commit(create("b"))];
    await held.started();
    const closed = store.close();
    held.release(new Error("EIO: i/o error, fdatasync"));
    for (const commit of waiting) await assert.rejects(commit, code("store", "indeterminate"));
    await closed;
    assert.equal(existsSync(join(path, "actors.db-wal")), true);
  });

  test("on the event loop fails the store too", async (t) => {
    const store = await openStore(t, {
      syncFile: {
        sync() {
          throw new Error("EIO: i/o error, fdatasync");
        },
        syncAsync: () => Promise.reject(new Error("not asked")),
      },
    });
    await assert.rejects(store.commit(create("a")), code("store", "indeterminate"));
    await assert.rejects(store.commit(create("b")), code("store", "failed"));
  });

  test("a replaced log fails the store", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path, passiveCheckpointBytes: 1 });
    const wal = join(path, "actors.db-wal");
    renameSync(wal, `${wal}.moved`);
    writeFileSync(wal, "");
    await assert.rejects(store.commit(create("a", snapshot(10_000))), code("store", "indeterminate"));
    await assert.rejects(store.commit(create("b")), code("store", "failed"));
    assert.ok(statSync(`${wal}.moved`).size > 0);
  });
});
