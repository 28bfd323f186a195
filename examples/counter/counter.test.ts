import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

describe("counter", () => {
  test("counts for each key alone", async (t) => {
    const { client } = await setupTest(t, registry);
    assert.equal(await client.counter.getOrCreate(["a"]).add(2), 2);
    assert.equal(await client.counter.getOrCreate(["a"]).add(3), 5);
    assert.equal(await client.counter.getOrCreate(["b"]).count(), 0);
  });

  test("tells everyone who listens", async (t) => {
    const { client } = await setupTest(t, registry);
    const conn = client.counter.getOrCreate(["a"]).connect();
    const heard = new Promise<number>((resolve) => conn.on("changed", resolve));
    await conn.count();
    await client.counter.getOrCreate(["a"]).add(7);
    assert.equal(await heard, 7);
  });

  test("survives a crash, and counts a retried call once", async (t) => {
    const { client, crash, failNextCommit } = await setupTest(t, registry);
    const handle = client.counter.getOrCreate(["a"]);
    await handle.add(1);
    await crash();
    assert.equal(await handle.count(), 1);
    failNextCommit({ when: "after" });
    assert.equal(await handle.add(1), 2);
  });
});
