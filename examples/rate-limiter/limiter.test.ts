import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./actors.ts";

test("three at once, then one a second", async (t) => {
  const { client, clock } = await setupTest(t, registry, { paused: true });
  const limiter = client.limiter.getOrCreate(["user-1"], { createWithInput: { capacity: 3, perSecond: 1 } });
  for (let i = 0; i < 3; i++) assert.equal((await limiter.take(clock.now())).allowed, true);
  assert.deepEqual(await limiter.take(clock.now()), { allowed: false, retryAfterMs: 1_000 });
  await clock.advance("1s");
  assert.equal((await limiter.take(clock.now())).allowed, true);
});

test("ten at once for who says nothing else", async (t) => {
  const { client, clock } = await setupTest(t, registry, { paused: true });
  const limiter = client.limiter.getOrCreate(["user-2"]);
  for (let i = 0; i < 10; i++) assert.equal((await limiter.take(clock.now())).allowed, true);
  assert.equal((await limiter.take(clock.now())).allowed, false);
});
