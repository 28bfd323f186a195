import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import type { LoadedActor } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import type { SqliteStore } from "../src/index.ts";
import { afterTest, code, create, integrity, next, openStore, snapshot, tempDirectory } from "./support.ts";

const quota = 2 * 1_048_576;

/** An acquisition during the sync of the previous epoch waits for the disk and fails with store.full. */
async function acquireOnFull(store: SqliteStore, id: string): Promise<LoadedActor> {
  for (;;) {
    try {
      return await store.acquire(id);
    } catch (error) {
      assert.ok(isErrorCode(error, "store", "full"), String(error));
    }
  }
}

describe("a full store", () => {
  test("a commit that does not fit fails, the others of its group succeed, and the store continues", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path, maxDatabaseBytes: quota });
    const results = await Promise.allSettled([
      store.commit(create("a", snapshot(1_000))),
      store.commit(create("large", snapshot(2 * quota))),
      store.commit(create("b", snapshot(1_000))),
    ]);
    assert.deepEqual(
      results.map((result) => result.status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    await assert.rejects(store.commit(create("large", snapshot(2 * quota))), code("store", "full"));
    assert.equal(await store.get("large"), undefined);
    await store.commit(next("a", 2, snapshot(2_000)));
    assert.equal((await store.acquire("a")).state?.snapshot.length, 2_000);
    await store.close();
    assert.equal(integrity(`${path}/actors.db`), "ok");
  });

  test("a patch that does not fit changes nothing, and the others of its group succeed", async (t) => {
    const path = tempDirectory(t);
    const store = await openStore(t, { path, maxDatabaseBytes: quota });
    const patch = (size: number, key: string) => ({
      state: { type: "patch", bytes: new Uint8Array(size) } as const,
      calls: [{ key, status: "done", expiresAt: Number.MAX_SAFE_INTEGER } as const],
    });
    const ids = ["a", "b", "c"];
    await Promise.all(ids.map((id) => store.commit(create(id, snapshot(10)))));
    await Promise.all(ids.map((id) => store.commit(next(id, 2, patch(10, "first")))));
    const results = await Promise.allSettled(
      ids.map((id) => store.commit(next(id, 3, patch(id === "b" ? 2 * quota : 20, "second")))),
    );
    assert.deepEqual(
      results.map((result) => result.status),
      ["fulfilled", "rejected", "fulfilled"],
    );
    assert.equal(await store.call("b", "second"), undefined);
    await store.commit(next("b", 3, patch(30, "third")));
    await Promise.all(ids.map((id) => store.commit(next(id, 4, patch(40, "fourth")))));
    for (const id of ids) {
      const { record, state } = await store.acquire(id);
      assert.equal(record.version, 4);
      assert.deepEqual(
        state?.patches.map((bytes) => bytes.length),
        [10, id === "b" ? 30 : 20, 40],
      );
      assert.equal((await store.call(id, "fourth"))?.status, "done");
    }
    await store.close();
    assert.equal(integrity(`${path}/actors.db`), "ok");
  });

  test("a commit under an epoch that did not fit fails with store.full", async (t) => {
    const path = tempDirectory(t);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", path]);
    if (mounted.status !== 0) return t.skip("needs root, to mount a small file system");
    afterTest(t, () => spawnSync("umount", ["-l", path]));
    const store = await openStore(t, { path });
    await store.commit(create("a", snapshot(1_000)));
    writeFileSync(`${path}/ballast`, new Uint8Array(1_000_000));
    spawnSync("dd", ["if=/dev/zero", `of=${path}/rest`, "bs=4096"]);
    // Epochs fit into the preallocated log until one does not; its space is then released.
    for (let epoch = 1; ; ) {
      const { record, state } = await acquireOnFull(store, "a");
      assert.equal(state?.snapshot.length, 1_000);
      if (record.epoch === epoch) break;
      epoch = record.epoch;
      const refused = store.commit({ ...next("a", 2, snapshot(2_500_000)), epoch });
      await assert.rejects(refused, code("store", "full"));
    }
    rmSync(`${path}/ballast`);
    const { epoch } = (await store.acquire("a")).record;
    await store.commit({ ...next("a", 2, snapshot(100)), epoch });
    await store.close();
    assert.equal(integrity(`${path}/actors.db`), "ok");
  });

  test("space freed by destroying an actor can be used again", async (t) => {
    const store = await openStore(t, { maxDatabaseBytes: quota });
    await store.commit(create("a", snapshot(quota * 0.75)));
    await assert.rejects(store.commit(create("b", snapshot(quota * 0.75))), code("store", "full"));
    await store.commit(next("a", 2, { destroyedAt: 1 }));
    await store.commit(create("b", snapshot(quota * 0.75)));
  });

  test("a full disk loses nothing, and the store continues when there is space", async (t) => {
    const path = tempDirectory(t);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", path]);
    if (mounted.status !== 0) return t.skip("needs root, to mount a small file system");
    afterTest(t, () => spawnSync("umount", ["-l", path]));
    const store = await openStore(t, { path });
    await store.commit(create("a", snapshot(1_000)));
    writeFileSync(`${path}/ballast`, new Uint8Array(1_500_000));

    let kept = 1;
    let refused: unknown;
    while (refused === undefined) {
      const version = kept + 1;
      await store.commit(next("a", version, snapshot(50_000 + version))).then(
        () => {
          kept = version;
        },
        (error: unknown) => {
          refused = error;
        },
      );
    }
    assert.ok(code("store", "full")(refused));
    assert.equal((await store.get("a"))?.version, kept);
    rmSync(`${path}/ballast`);
    await store.commit(next("a", kept + 1, snapshot(100)));
    await store.close();
    assert.equal(integrity(`${path}/actors.db`), "ok");
    const again = await openStore(t, { path });
    assert.equal((await again.acquire("a")).record.version, kept + 1);
    await again.close();
  });
});
