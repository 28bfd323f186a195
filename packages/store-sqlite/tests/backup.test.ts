import assert from "node:assert/strict";
import fs, { readdirSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { describe, test } from "node:test";
import { blobReferencePrefix } from "@holdfast/actors";
import { code, create, integrity, next, openStore, snapshot, tempDirectory } from "./support.ts";

describe("backup", () => {
  test("a backup under load is a snapshot with everything that was acknowledged before it", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    // Each round commits the same version to both actors in one group, so a copy with different versions would show a
    // torn group.
    await Promise.all([
      store.commit(create("a", snapshot(10_000))),
      store.commit(create("b", snapshot(10_000))),
    ]);
    await store.commit(create("padding", snapshot(20_000_000)));
    let version = 1;
    let stop = false;
    const load = (async () => {
      while (!stop) {
        version += 1;
        await Promise.all([
          store.commit(next("a", version, snapshot(9_000))),
          store.commit(next("b", version)),
        ]);
      }
    })();
    while (version < 20) await new Promise((resolve) => setImmediate(resolve));
    const acknowledged = version - 1;
    const target = join(tempDirectory(t), "backups", "one");
    const backup = await store.backup(target);
    const during = version - acknowledged;
    stop = true;
    await load;
    assert.ok(during > 1, "commits went on while the backup was made");
    assert.deepEqual(readdirSync(target), ["actors.db"]);
    assert.equal(integrity(backup.file), "ok");

    const restored = await openStore(t, { path: target });
    const [a, b] = [await restored.get("a"), await restored.get("b")];
    assert.equal(a?.version, b?.version);
    assert.ok(a !== undefined && a.version >= acknowledged && a.version <= version);
    assert.equal((await restored.acquire("padding")).state?.snapshot.length, 20_000_000);
    await restored.commit(next("a", a.version + 1));
    assert.equal((await store.get("a"))?.version, version, "the original is untouched");
  });

  test("a backup visits only actors with files or objects", async (t) => {
    const store = await openStore(t);
    await Promise.all(Array.from({ length: 200 }, (_, n) => store.commit(create(`actor-${n}`))));
    const one = (async function* () {
      yield Uint8Array.of(1);
    })();
    const { hash } = await store.blobs.put("actor-7", one, 10);
    const reference = { type: "put", key: blobReferencePrefix(hash), value: new Uint8Array(1) } as const;
    await store.commit(next("actor-7", 2, { kv: [reference] }));
    const read = t.mock.method(fs, "readdirSync");
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    const target = tempDirectory(t);
    await store.backup(target);
    assert.ok(read.mock.callCount() < 20, `${read.mock.callCount()} directories were read`);
    assert.deepEqual(await (await openStore(t, { path: target })).blobs.list("actor-7"), [hash]);
  });

  test("a backup does not overwrite a store", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path });
    await assert.rejects(store.backup(path), code("store", "backup_exists"));
    const target = tempDirectory(t);
    await store.backup(target);
    await assert.rejects(store.backup(target), code("store", "backup_exists"));
  });

  test("closing waits for a running backup", async (t) => {
    const store = await openStore(t);
    await store.commit(create("a", snapshot(5_000_000)));
    const target = tempDirectory(t);
    const backup = store.backup(target);
    await store.close();
    assert.equal(integrity((await backup).file), "ok");
    await assert.rejects(store.backup(tempDirectory(t)), code("store", "closed"));
  });
});
