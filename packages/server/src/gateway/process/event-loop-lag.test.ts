import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { EventLoopLagMonitor } from "./event-loop-lag.ts";

/** Lets what measures the event loop run, on the real clock. */
async function block(ms: number): Promise<void> {
  const tick = () => once(AbortSignal.timeout(30), "abort");
  await tick();
  for (const end = performance.now() + ms; performance.now() < end; );
  await tick();
}

test("several readers see the same delay, for half a minute at least and two at most", async () => {
  let now = 0;
  const monitor = new EventLoopLagMonitor(() => now);
  await block(120);
  assert.ok(monitor.read().max >= 0.1);
  assert.ok(monitor.read().max >= 0.1);
  now = 30_000;
  assert.ok(monitor.read().max >= 0.1);
  now = 60_000;
  assert.ok(monitor.read().max >= 0.1);
  await block(0);
  // The measurement that began after half a minute knows nothing of it.
  const { p50, max } = monitor.read();
  assert.ok(max < 0.1 && p50 > 0, `${max}`);
});
