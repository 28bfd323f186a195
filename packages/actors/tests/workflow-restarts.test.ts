import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, queue } from "@holdfast/actors";
import { durable, Loop, workflow } from "@holdfast/actors/workflow";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { setupTest } from "@holdfast/test-kit";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";

const started: string[] = [];

const slow = durable(async (ctx, input: { n: number }) => {
  await ctx.step("begin", () => void started.push(`child ${input.n}`));
  await ctx.sleep("an hour", 3_600_000);
  return input.n * 10;
});

const parent = durable(async (ctx, numbers: number[]) => {
  const results = await ctx.join(
    "children",
    Object.fromEntries(
      numbers.map((n) => [
        `c${n}`,
        {
          run: (branch: typeof ctx) =>
            branch.child<{ n: number }, number>("c", { name: "slow", key: [String(n)] }, { n }),
        },
      ]),
    ),
  );
  await ctx.sleep("a minute", 60_000);
  return Object.values(results).reduce((sum: number, value) => sum + Number(value), 0);
});

const nightly = actor({
  state: { runs: [] as number[] },
  run: workflow(async (ctx) => {
    await ctx.loop({
      name: "nights",
      state: 0,
      run: async (night, n) => {
        await night.sleep("day", 86_400_000);
        await night.step("report", async (step) => void step.state.runs.push(n));
        return Loop.continue(n + 1);
      },
    });
  }),
  actions: { runs: (c) => [...c.state.runs] },
});

const sleepy = actor({
  state: { log: [] as string[] },
  queues: { orders: queue<string>() },
  onWake: (c) => void c.state.log.push("woke"),
  onSleep: (c) => void c.state.log.push("slept"),
  run: workflow(async (ctx) => {
    await ctx.queue.next("an order", { names: ["orders"] });
  }),
  actions: { log: (c) => c.state.log, nap: (c) => c.sleep() },
  options: { sleepTimeout: 1_000 },
});

function registry() {
  const ports = systemPorts();
  return createRegistry({
    use: { slow, parent, nightly, sleepy },
    store: () => createMemoryStore({ ports }),
    ports,
  });
}

test("children start once and report once, whenever the process dies", async (t) => {
  for (const crashAt of ["at once", "while they sleep", "as they end", "never"]) {
    started.length = 0;
    const kit = await setupTest(t, registry(), { paused: true });
    const handle = kit.client.parent.getOrCreate("p", { createWithInput: [1, 2] });
    await handle.get();
    if (crashAt === "at once") await kit.crash();
    await kit.clock.settle();
    if (crashAt === "while they sleep") {
      await kit.clock.advance("30m");
      await kit.crash();
    }
    if (crashAt === "as they end") {
      await kit.clock.advance("59m");
      await kit.crash();
    }
    await kit.clock.advance("3h");
    const status = await handle.get();
    assert.deepEqual([status.state, status.output], ["completed", 30], crashAt);
    assert.deepEqual([...new Set(started)].sort(), ["child 1", "child 2"]);
    if (crashAt !== "at once") assert.equal(started.length, 2, crashAt);
    await kit.dispose();
  }
});

test("a workflow and its actor sleep for days, and each day runs once", async (t) => {
  const kit = await setupTest(t, registry(), { paused: true });
  const handle = kit.client.nightly.getOrCreate("n");
  assert.deepEqual(await handle.runs(), []);
  await kit.clock.advance("36h");
  await kit.crash();
  await kit.clock.advance("36h");
  assert.deepEqual(await handle.runs(), [0, 1, 2]);
  kit.failNextCommit();
  await kit.clock.advance("25h");
  assert.deepEqual(await handle.runs(), [0, 1, 2, 3]);
});

test("changes of onSleep are stored with the progress of the workflow", async (t) => {
  const kit = await setupTest(t, registry(), { paused: true });
  const handle = kit.client.sleepy.getOrCreate("s");
  await handle.log();
  await kit.clock.advance("5s");
  assert.deepEqual(await handle.log(), ["woke", "slept", "woke"]);
  await handle.nap();
  await kit.clock.settle();
  assert.deepEqual(await handle.log(), ["woke", "slept", "woke", "slept", "woke"]);
});
