import assert from "node:assert/strict";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import { createRegistry } from "@holdfast/server";
import { setupTest } from "@holdfast/test-kit";

const poller = actor({
  state: { runs: [] as number[] },
  options: { sleepTimeout: 1_000 },
  run: (c) => {
    c.state.runs.push(c.state.runs.length);
  },
  actions: {
    again: (c, at: number) => c.run.setWakeAt(at),
    runs: (c) => c.state.runs.length,
  },
});

const registry = createRegistry({
  use: { poller },
  store: () => {
    throw new Error("a test has its own store");
  },
});

test("run is started again at its time, asleep and after the process died", async (t) => {
  const kit = await setupTest(t, registry, { paused: true });
  const handle = kit.client.poller.getOrCreate("a");
  assert.equal(await handle.runs(), 1);
  await handle.again(kit.clock.now() + 60_000);
  await kit.clock.advance(10_000);
  await kit.crash();
  await kit.clock.advance(60_000);
  assert.equal(await handle.runs(), 3, "once at its time, while nobody called, and once for this call");
});
