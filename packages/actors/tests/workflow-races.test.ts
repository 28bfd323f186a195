import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, queue } from "@holdfast/actors";
import { RaceError, workflow, workflowControl } from "@holdfast/actors/workflow";
import { call } from "./harness.ts";
import { settle, workflowWorld } from "./workflow-harness.ts";

interface Shown {
  readonly state: string;
  readonly output?: unknown;
}

/** Too long to be stored with its message. */
const long = "x".repeat(40_000);

test("a race of receives returns the loser's unused message to the next receive", async () => {
  const world = workflowWorld();
  const bodies: string[] = [];
  const job = actor({
    queues: { a: queue<string>(), b: queue<string>() },
    run: workflow(async (ctx) => {
      const { winner, value } = await ctx.race("r", [
        { name: "a", run: async (branch) => (await branch.queue.next("take", { names: ["a"] })).body },
        { name: "b", run: async (branch) => (await branch.queue.next("take", { names: ["b"] })).body },
      ]);
      bodies.push(`${winner} ${value}`);
      bodies.push((await ctx.queue.next("rest")).body);
    }),
    actions: {
      put: async (c) => {
        await c.queue.send("a", "to a");
        await c.queue.send("b", `to b ${long}`);
      },
      get: (c) => workflowControl(c).status(),
    },
  });
  const instance = await world.start(job);
  await call(instance, "put");
  await settle();
  assert.deepEqual(bodies, ["a to a", `to b ${long}`]);
  assert.equal(((await call(instance, "get")) as Shown).state, "completed");
});

test("a race of signals returns the loser's signal to the next wait, before later ones", async () => {
  const world = workflowWorld();
  const got: unknown[] = [];
  const job = actor({
    run: workflow(async (ctx) => {
      await ctx.rollbackCheckpoint("check");
      const { winner, value } = await ctx.race("r", [
        { name: "a", run: (branch) => branch.signal("take", { signal: "a" }) },
        { name: "b", run: (branch) => branch.signal("take", { signal: "b" }) },
      ]);
      got.push(winner, value);
      got.push(await ctx.signal("first", { signal: "b" }), await ctx.signal("second", { signal: "b" }));
    }),
    actions: {
      tell: async (c) => {
        for (const [name, payload] of [
          ["a", 1],
          ["b", 2],
          ["b", 3],
        ] as const) {
          await workflowControl(c).signal(name, payload);
        }
      },
      get: (c) => workflowControl(c).status(),
    },
  });
  const instance = await world.start(job);
  await call(instance, "tell");
  await settle();
  assert.deepEqual(got, ["a", 1, 2, 3]);
  const woken = await world.restart(job, instance);
  assert.equal(((await call(woken, "get")) as Shown).state, "completed");
});

test("a message that a lost branch has used stays received", async () => {
  const world = workflowWorld();
  const job = actor({
    queues: { jobs: queue<string>() },
    run: workflow(async (ctx) => {
      await ctx.race("r", [
        {
          name: "worker",
          run: async (branch) => {
            await branch.queue.next("take");
            await branch.sleep("work", 1_000);
          },
        },
        { name: "late", run: (branch) => branch.sleep("z", 100) },
      ]);
      return (await ctx.queue.nextBatch("rest", { timeout: 10 })).length;
    }),
    actions: {
      put: (c) => c.queue.send("jobs", "one"),
      get: (c) => workflowControl(c).status(),
    },
  });
  const instance = await world.start(job);
  await call(instance, "put");
  await settle();
  await world.advance(200, 4);
  assert.equal(((await call(instance, "get")) as Shown).output, 0);
});

test("errors of race branches are converted to strings, also after a restart", async () => {
  const world = workflowWorld();
  const shown: unknown[] = [];
  const job = actor({
    run: workflow(async (ctx) => {
      try {
        await ctx.race("r", [
          { name: "text", run: () => Promise.reject("x") },
          { name: "error", run: () => Promise.reject(new TypeError("y")) },
        ]);
      } catch (error) {
        if (error instanceof RaceError) shown.push(error.errors);
      }
      await ctx.sleep("later", 100_000);
    }),
  });
  const instance = await world.start(job);
  await world.restart(job, instance);
  const errors = [
    { name: "text", error: "x" },
    { name: "error", error: "TypeError: y" },
  ];
  assert.deepEqual(shown, [errors, errors]);
});
