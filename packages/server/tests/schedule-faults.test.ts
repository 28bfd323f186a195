import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { actor } from "@holdfast/actors";
import { isErrorCode, systemPorts } from "@holdfast/core";
import { setupTest } from "@holdfast/test-kit";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { createRegistry } from "../src/index.ts";

interface World {
  runs: number;
  wakes: number;
  failingWakes: number;
}

async function kit(t: TestContext, w: World) {
  const alarm = actor({
    state: { count: 0 },
    options: { sleepTimeout: 1_000 },
    onWake: () => {
      w.wakes++;
      if (w.failingWakes-- > 0) throw new Error("not yet");
    },
    actions: {
      in: (c, ms: number) => c.schedule.after(ms, "ring"),
      each: (c) => c.cron.every({ name: "each", interval: 60_000, action: "ring" }),
      ring: (c) => {
        w.runs++;
        c.state.count++;
      },
      count: (c) => c.state.count,
      end: (c) => c.destroy(),
      pending: async (c) => (await c.schedule.list()).length,
    },
  });
  const store = () => createMemoryStore({ ports: systemPorts() });
  return setupTest(t, createRegistry({ use: { alarm }, store }), { paused: true });
}

const world = (): World => ({ runs: 0, wakes: 0, failingWakes: 0 });

describe("schedules when things fail", () => {
  test("a run whose commit fails is run again after a pause, and has its effect once", async (t) => {
    const w = world();
    const { client, clock, failNextCommit } = await kit(t, w);
    const handle = client.alarm.getOrCreate("a");
    await handle.in(500);
    failNextCommit({ when: "before" });
    await clock.advance(500);
    assert.equal(w.runs, 1);
    await clock.advance("10s");
    assert.deepEqual([w.runs, await handle.count(), await handle.pending()], [2, 1, 0]);
  });

  test("a run whose commit was applied, though it looked as if it failed, is not run again", async (t) => {
    const w = world();
    const { client, clock, failNextCommit } = await kit(t, w);
    const handle = client.alarm.getOrCreate("a");
    await handle.in(500);
    failNextCommit({ when: "after" });
    await clock.advance("10s");
    assert.deepEqual([w.runs, await handle.count(), await handle.pending()], [1, 1, 0]);
  });

  test("an actor that cannot wake is tried again until it can", async (t) => {
    const w = world();
    const { client, clock } = await kit(t, w);
    const handle = client.alarm.getOrCreate("a");
    await handle.in(10_000);
    await clock.advance("5s");
    w.wakes = 0;
    w.failingWakes = 4;
    await clock.advance("14s");
    assert.deepEqual([w.wakes, w.runs], [4, 0]);
    await clock.advance("20s");
    assert.deepEqual([w.wakes, w.runs], [5, 1]);
    assert.equal(await handle.count(), 1);
  });

  test("a destroyed actor is woken no more", async (t) => {
    const w = world();
    const { client, clock } = await kit(t, w);
    const handle = client.alarm.getOrCreate("a");
    await handle.each();
    await clock.advance("3m");
    assert.equal(w.runs, 3);
    await handle.end();
    w.wakes = 0;
    await clock.advance("1h");
    assert.deepEqual([w.wakes, w.runs], [0, 3]);
    await assert.rejects(client.alarm.get("a").count(), (error) => isErrorCode(error, "actor", "not_found"));
  });

  test("a week asleep: as many wakes as due times, and nothing is left over", async (t) => {
    const w = world();
    const { client, clock } = await kit(t, w);
    const handle = client.alarm.getOrCreate("a");
    await handle.in(7 * 86_400_000 - 1);
    await clock.advance("2s");
    w.wakes = 0;
    await clock.advance("7d");
    assert.deepEqual([w.wakes, w.runs], [1, 1]);
  });
});
