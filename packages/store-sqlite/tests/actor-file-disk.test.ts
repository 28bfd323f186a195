import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { ActorDatabase, ActorStore } from "@holdfast/actors";
import { afterTest, code, create, integrity, next, openStore, tempDirectory } from "./support.ts";

const id = "actor-0000";
const file = (path: string) => join(path, "databases", "00", `${id}.db`);

function insert(database: ActorDatabase, n: number, bytes = 1_500): void {
  database.prepare("INSERT INTO item VALUES (?, zeroblob(?))")?.rows([n, bytes]);
}

async function made(store: ActorStore): Promise<ActorDatabase> {
  const database = await store.databases.open(id, 1, true);
  database.prepare("CREATE TABLE item (n INTEGER, pad BLOB)")?.rows();
  await store.commit(create(id, { database: true }));
  return database;
}

/** Returns the version of the actor, after checking that its rows belong to that version. */
async function checked(store: ActorStore): Promise<number> {
  const { record } = await store.acquire(id);
  const database = await store.databases.open(id, record.epoch, false);
  const rows = database.prepare("SELECT count(*) AS n, coalesce(max(n), 1) AS last FROM item")?.rows();
  assert.deepEqual(rows, [{ n: record.version - 1, last: record.version }]);
  return record.version;
}

describe("the log of an actor's database", () => {
  test("keeps every acknowledged turn complete if it is cut or damaged anywhere after the last sync", async (t) => {
    const path = tempDirectory(t);
    let sync = true;
    const held = Promise.withResolvers<void>();
    const store = await openStore(t, {
      path,
      syncFile: {
        sync: () => undefined,
        syncAsync: () => (sync ? Promise.resolve() : held.promise),
      },
    });
    const database = await made(store);
    let version = 1;
    for (; version < 12; version++) {
      insert(database, version + 1);
      await store.commit(next(id, version + 1, { database: true }));
    }
    const acknowledged = version;
    const synced = statSync(`${file(path)}-wal`).size;
    // With two callers, the sync runs off the event loop; this one never finishes.
    sync = false;
    const calls = ["a", "b"].map((key) => ({ key, status: "done" as const, expiresAt: 4_000_000_000_000 }));
    for (; version < 18; version++) {
      insert(database, version + 1);
      store.commit(next(id, version + 1, { database: true, calls })).catch(() => undefined);
    }
    const image = tempDirectory(t);
    execFileSync("cp", ["-r", `${path}/.`, image]);
    const end = statSync(`${file(image)}-wal`).size;
    assert.ok(end > synced);
    const seen = new Set<number>();
    for (let size = synced; size <= end; size += 1_733) {
      for (const damage of [false, true]) {
        const copy = tempDirectory(t);
        cpSync(image, copy, { recursive: true });
        truncateSync(`${file(copy)}-wal`, size);
        if (damage) writeFileSync(`${file(copy)}-wal`, Buffer.alloc(500, 0x5a), { flag: "a" });
        const again = await openStore(t, { path: copy });
        const found = await checked(again);
        assert.ok(found >= acknowledged && found <= version, `version ${found} at ${size}`);
        seen.add(found);
        await again.close();
        assert.equal(integrity(file(copy)), "ok");
        rmSync(copy, { recursive: true });
      }
    }
    assert.ok(seen.size > 3, "the cuts fell on too few turns");
    sync = true;
    held.resolve();
  });

  test("a full disk fails the turn, loses nothing, and the actor continues when there is space", async (t) => {
    const path = tempDirectory(t);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=10m", "tmpfs", path]);
    if (mounted.status !== 0) return t.skip("needs root, to mount a small file system");
    afterTest(t, () => spawnSync("umount", ["-l", path]));
    const store = await openStore(t, { path });
    let database = await made(store);
    writeFileSync(`${path}/ballast`, new Uint8Array(7_500_000));
    let version = 1;
    let refused: unknown;
    while (refused === undefined) {
      try {
        insert(database, version + 1, 50_000);
        await store.commit(next(id, version + 1, { database: true }));
        version += 1;
      } catch (error) {
        refused = error;
      }
    }
    assert.ok(code("store", "full")(refused));
    rmSync(`${path}/ballast`);
    assert.equal(await checked(store), version);
    database = await store.databases.open(id, 2, false);
    insert(database, version + 1);
    await store.commit({ ...next(id, version + 1, { database: true }), epoch: 2 });
    await store.close();
    assert.equal(integrity(file(path)), "ok");
    const again = await openStore(t, { path });
    assert.equal(await checked(again), version + 1);
    await again.close();
  });

  test("an object that does not fit on the disk leaves nothing", async (t) => {
    const path = tempDirectory(t);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", path]);
    if (mounted.status !== 0) return t.skip("needs root, to mount a small file system");
    afterTest(t, () => spawnSync("umount", ["-l", path]));
    const store = await openStore(t, { path });
    await store.commit(create(id));
    const large = async function* () {
      for (let piece = 0; piece < 8; piece++) yield new Uint8Array(1_048_576);
    };
    await assert.rejects(store.blobs.put(id, large(), 100_000_000), code("store", "full"));
    assert.deepEqual(await store.blobs.list(id), []);
    await store.commit(next(id, 2));
    await store.close();
  });
});
