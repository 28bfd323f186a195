import assert from "node:assert/strict";
import { test } from "node:test";
import { setupTest } from "holdfast/test";
import { registry } from "./registry.ts";

test("what a counter has said survives a crash", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const visits = client.counter.getOrCreate("visits");
  assert.equal(await visits.add(2), 2);
  await crash();
  assert.equal(await visits.count(), 2);
});
