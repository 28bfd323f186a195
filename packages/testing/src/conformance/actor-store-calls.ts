import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallRecord } from "@holdfast/actors";
import type { Suite } from "./actor-store-suite.ts";
import { bytes, created, next } from "./batches.ts";

/** Conformance cases for the records of keyed calls. */
export function callCases(suite: Suite): void {
  const started = (key: string, ttlMs = 1_000): CallRecord => ({
    key,
    status: "started",
    expiresAt: suite.clock.now() + ttlMs,
  });

  test("a call is recorded as started, then permanently as done", async () => {
    const first = started("k");
    const actor = await created(suite.store(), { calls: [first] });
    assert.deepEqual(await suite.store().call(actor.id, "k"), first);
    const done: CallRecord = { ...first, status: "done", outcome: bytes("result") };
    await suite.store().commit(next(actor.id, 2, 1, { calls: [done] }));
    assert.deepEqual(await suite.store().call(actor.id, "k"), done);
    assert.deepEqual(await (await suite.reopen()).call(actor.id, "k"), done);
    assert.equal(await suite.store().call(actor.id, "other"), undefined);
    assert.equal(await suite.store().call("none", "k"), undefined);
  });

  test("an outcome may be empty, and a key any text", async () => {
    const store = suite.store();
    const calls = ["", "nul\0a", "nul\0b", "😀", "K", "k"].map(
      (key, index): CallRecord => ({
        key,
        status: "done",
        outcome: new Uint8Array(index),
        expiresAt: suite.clock.now() + 1_000,
      }),
    );
    const actor = await created(store, { calls });
    for (const call of calls) assert.deepEqual(await store.call(actor.id, call.key), call);
  });

  test("a call record exists until it expires", async () => {
    const store = suite.store();
    const actor = await created(store, { calls: [started("short", 10), started("long", 1_000)] });
    suite.clock.advance(9);
    assert.equal((await store.call(actor.id, "short"))?.status, "started");
    suite.clock.advance(1);
    assert.equal(await store.call(actor.id, "short"), undefined);
    assert.equal((await store.call(actor.id, "long"))?.status, "started");
    await store.commit(next(actor.id, 2, 1, { calls: [started("short")] }));
    assert.equal((await store.call(actor.id, "short"))?.status, "started");
  });
}
