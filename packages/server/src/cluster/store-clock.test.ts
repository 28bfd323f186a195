import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreClock } from "./store-clock.ts";

test("a node has the time of the store, whatever its machine says", () => {
  let monotonic = 1_000;
  const clock = new StoreClock({ now: () => 5 }, () => monotonic);
  assert.equal(clock.now(), 5);
  assert.equal(clock.differsByMs, 0);
  monotonic = 1_010;
  clock.adjust(900_000, 1_000);
  assert.ok(Math.abs(clock.now() - 900_005) <= 1);
  assert.ok(Math.abs(clock.differsByMs - 900_000) <= 1);
  monotonic += 60_000;
  assert.ok(Math.abs(clock.now() - 960_005) <= 1);
});

test("the latency of readings does not move it, and drift is corrected", () => {
  let monotonic = 0;
  const clock = new StoreClock({ now: () => 0 }, () => monotonic);
  clock.adjust(10_000, 0);
  // Slow answers that fit the time so far.
  for (const delay of [200, 3, 90]) {
    const sentAt = monotonic;
    monotonic += delay;
    clock.adjust(10_000 + sentAt + Math.floor(delay / 3), sentAt);
    assert.ok(Math.abs(clock.now() - (10_000 + monotonic)) <= 1, `${clock.now()} after ${monotonic}`);
  }
  // The clock of the store has gained a second.
  const sentAt = monotonic;
  monotonic += 10;
  clock.adjust(11_000 + sentAt + 5, sentAt);
  assert.ok(Math.abs(clock.now() - (11_000 + monotonic)) <= 6);
});
