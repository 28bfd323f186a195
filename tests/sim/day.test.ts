import assert from "node:assert/strict";
import { test } from "node:test";
import { simulateDay } from "@holdfast/testing/sim";

test("a day of cron, queues, workflows and connections leaves nothing behind", async (t) => {
  const { failure, samples, steps, commits } = await simulateDay("1");
  t.diagnostic(`${steps} steps, ${commits} commits; at the end ${JSON.stringify(samples.at(-1))}`);
  assert.equal(failure, undefined, failure?.stack);
  assert.equal(samples.length, 24);
});
