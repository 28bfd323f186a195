import assert from "node:assert/strict";
import { test } from "node:test";
import type { KvOperation, KvRange } from "@holdfast/actors";
import type { Suite } from "./actor-store-suite.ts";
import { bytes, created, next } from "./batches.ts";

const put = (key: readonly number[], value: string): KvOperation => ({
  type: "put",
  key: Uint8Array.from(key),
  value: bytes(value),
});

/** Neighbours in byte order: prefixes, the highest byte, the empty key. */
const ordered: readonly (readonly number[])[] = [
  [],
  [0],
  [0, 0],
  [1],
  [1, 255],
  [2],
  [127],
  [128],
  [255],
  [255, 255],
];

/** Conformance cases for the key-value entries of an actor. */
export function kvCases(suite: Suite): void {
  test("entries are put, read, replaced and deleted", async () => {
    const store = suite.store();
    const actor = await created(store, { kv: [put([1], "a"), put([2], ""), put([1], "b")] });
    assert.deepEqual(await store.kvGet(actor.id, Uint8Array.of(1)), bytes("b"));
    assert.deepEqual(await store.kvGet(actor.id, Uint8Array.of(2)), bytes(""));
    assert.equal(await store.kvGet(actor.id, Uint8Array.of(3)), undefined);
    assert.equal(await store.kvGet("none", Uint8Array.of(1)), undefined);
    await store.commit(next(actor.id, 2, 1, { kv: [{ type: "delete", key: Uint8Array.of(1) }] }));
    assert.equal(await store.kvGet(actor.id, Uint8Array.of(1)), undefined);
  });

  test("operations of a batch apply in order", async () => {
    const store = suite.store();
    const wipe: KvOperation = { type: "delete-range", start: new Uint8Array() };
    const actor = await created(store, { kv: [put([1], "a"), wipe, put([2], "b")] });
    const all = await store.kvList(actor.id, { start: new Uint8Array(), limit: 10 });
    assert.deepEqual(all, [{ key: Uint8Array.of(2), value: bytes("b") }]);
  });

  test("ranges are in byte order, with an exclusive end", async () => {
    const actor = await created(suite.store(), { kv: ordered.toReversed().map((key) => put(key, `${key}`)) });
    const store = await suite.reopen();
    const list = async (range: Partial<KvRange>) =>
      (await store.kvList(actor.id, { start: new Uint8Array(), limit: 100, ...range })).map((entry) => [
        ...entry.key,
      ]);
    assert.deepEqual(await list({}), ordered);
    assert.deepEqual(await list({ reverse: true }), ordered.toReversed());
    assert.deepEqual(await list({ start: Uint8Array.of(1), end: Uint8Array.of(2) }), [[1], [1, 255]]);
    assert.deepEqual(await list({ start: Uint8Array.of(1), end: Uint8Array.of(2), reverse: true }), [
      [1, 255],
      [1],
    ]);
    assert.deepEqual(await list({ start: Uint8Array.of(128) }), [[128], [255], [255, 255]]);
    assert.deepEqual(await list({ start: Uint8Array.of(2), end: Uint8Array.of(1) }), []);
    assert.deepEqual(await list({ limit: 2 }), [[], [0]]);
    assert.deepEqual(await list({ limit: 2, reverse: true }), [[255, 255], [255]]);
    assert.deepEqual(await list({ limit: 0 }), []);
  });

  test("a range is deleted up to its end, and only that of its actor", async () => {
    const store = suite.store();
    const kv = ordered.map((key) => put(key, "v"));
    const [actor, other] = [await created(store, { kv }), await created(store, { kv })];
    const range: KvOperation = { type: "delete-range", start: Uint8Array.of(1), end: Uint8Array.of(255) };
    await store.commit(next(actor.id, 2, 1, { kv: [range] }));
    const keys = async (id: string) =>
      (await store.kvList(id, { start: new Uint8Array(), limit: 100 })).map((entry) => [...entry.key]);
    assert.deepEqual(await keys(actor.id), [[], [0], [0, 0], [255], [255, 255]]);
    assert.deepEqual(await keys(other.id), ordered);
  });
}
