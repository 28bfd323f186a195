import assert from "node:assert/strict";
import { test } from "node:test";
import { OutcomeCache } from "./outcome-cache.ts";

const key = (i: number): string => `0199f0c4-7d2b-7c5e-8a11-${i.toString(16).padStart(12, "0")}`;
const bytes = (i: number, length = 1 + (i % 7)): Uint8Array => new Uint8Array(length).fill(i % 251);

/** The remembered outcome of a key, in a comparable form. */
function known(memory: OutcomeCache, of: string): { bytes: number[]; expiresAt: number } | undefined {
  const found = memory.get(of);
  return found && { bytes: [...found.bytes], expiresAt: found.expiresAt };
}

test("remembers keys in order, in any other order, and repeatedly", () => {
  const memory = new OutcomeCache();
  assert.equal(memory.get(key(0)), undefined);
  const order = [0, 1, 2, 9, 4, 3, 10, 11, 7, 20, 21, 19, 22];
  for (const i of order) memory.set(key(i), bytes(i), 1_000 + i);
  for (const i of order) {
    assert.deepEqual(known(memory, key(i)), { bytes: [...bytes(i)], expiresAt: 1_000 + i });
  }
  for (const i of [5, 6, 8, 12, 18, 23]) assert.equal(memory.get(key(i)), undefined);
  assert.equal(memory.count, order.length);
  const size = order.reduce((sum, i) => sum + bytes(i).length, 0);
  assert.equal(memory.size, size);

  // The second outcome of a key replaces the first, including its size.
  const again = [4, 4, 21, 22];
  for (const i of again) memory.set(key(i), bytes(200 + i, 9), 2_000);
  for (const i of again) {
    assert.deepEqual(known(memory, key(i)), { bytes: [...bytes(200 + i, 9)], expiresAt: 2_000 });
  }
  assert.equal(known(memory, key(20))?.expiresAt, 1_020);
});

test("a key that returns after all others were evicted has its second outcome", () => {
  const memory = new OutcomeCache();
  for (const i of [...Array(12).keys(), 5]) memory.set(key(i), bytes(i), 1_000 + i);
  memory.set(key(10), bytes(77), 5_000);
  memory.evict(1, Number.POSITIVE_INFINITY, () => undefined);
  assert.equal(known(memory, key(10))?.expiresAt, 5_000);
  memory.set(key(10), bytes(78), 6_000);
  assert.deepEqual(known(memory, key(10)), { bytes: [...bytes(78)], expiresAt: 6_000 });
  assert.equal(memory.count, 1);
});

test("an outcome followed by others is a copy", () => {
  const memory = new OutcomeCache();
  const outcome = bytes(5, 40);
  for (let i = 0; i < 20; i++) memory.set(key(i), bytes(i), 1);
  memory.set(key(20), outcome, 1);
  memory.set(key(21), bytes(6, 400), 1);
  outcome.fill(0);
  assert.deepEqual(known(memory, key(20))?.bytes, [...bytes(5, 40)]);
  assert.deepEqual(known(memory, key(21))?.bytes, [...bytes(6, 400)]);
});

const ascending = Array.from({ length: 100 }, (_, i) => i);
const orders: Readonly<Record<string, readonly number[]>> = {
  ascending,
  descending: ascending.toReversed(),
  "in pairs the wrong way round": ascending.map((i) => i ^ 1),
  "one in four too late": ascending.map((i) => (i % 4 < 2 ? i ^ 1 : i)),
};

for (const [name, order] of Object.entries(orders)) {
  test(`evicts the oldest outcomes until the rest fits: keys ${name}`, () => {
    const memory = new OutcomeCache();
    for (const [at, i] of order.entries()) memory.set(key(i), bytes(i), at);
    const told: string[] = [];
    memory.evict(70, Number.POSITIVE_INFINITY, (each) => told.push(each));
    assert.deepEqual(told, order.slice(0, 30).map(key));
    for (const each of told) assert.equal(memory.get(each), undefined);
    for (const [at, i] of order.entries()) {
      if (at >= 30) assert.deepEqual(known(memory, key(i)), { bytes: [...bytes(i)], expiresAt: at });
    }
    const left = order.slice(30).reduce((sum, i) => sum + bytes(i).length, 0);
    assert.deepEqual([memory.count, memory.size], [70, left]);

    memory.evict(Number.POSITIVE_INFINITY, 10, () => undefined);
    assert.ok(memory.size <= 10 && memory.size > 10 - bytes(6).length);
    memory.evict(0, 0, () => undefined);
    assert.deepEqual([memory.count, memory.size], [0, 0]);
    // A key older than all evicted ones is in order again.
    memory.set(key(0), bytes(3), 7);
    assert.deepEqual(known(memory, key(0)), { bytes: [...bytes(3)], expiresAt: 7 });
  });
}
