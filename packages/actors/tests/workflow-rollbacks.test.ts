import assert from "node:assert/strict";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import { type WorkflowInspection, workflow, workflowControl } from "@holdfast/actors/workflow";
import { call, deferred } from "./harness.ts";
import { settle, workflowWorld } from "./workflow-harness.ts";

async function stateOf(instance: Parameters<typeof call>[0]): Promise<string> {
  const status = (await call(instance, "status")) as { state: string };
  return status.state;
}

test("the failure of a workflow is reported after its rollbacks, also after a crash", async () => {
  for (const crashes of [false, true]) {
    const happened: string[] = [];
    let hangs = crashes;
    const saga = actor({
      run: workflow(
        async (ctx) => {
          await ctx.rollbackCheckpoint("start");
          await ctx.step({
            name: "a",
            run: () => 1,
            rollback: async () => {
              if (hangs) await new Promise(() => {});
              happened.push("undone");
            },
          });
          throw new Error("boom");
        },
        { onError: (_, event) => void happened.push(Object.keys(event).join()) },
      ),
    });
    const world = workflowWorld();
    await world.start(saga);
    await settle();
    if (crashes) {
      assert.deepEqual(happened, []);
      hangs = false;
      await world.wake(saga);
      await settle();
    }
    assert.deepEqual(happened, ["undone", "workflow"]);
  }
});

test("a workflow cannot be cancelled during its rollbacks", async () => {
  const undoing = deferred<void>();
  const undone: string[] = [];
  const saga = actor({
    run: workflow(async (ctx) => {
      await ctx.rollbackCheckpoint("start");
      await ctx.step({ name: "a", run: () => 1, rollback: () => void undone.push("a") });
      await ctx.step({
        name: "b",
        run: () => 2,
        rollback: async () => {
          await undoing.promise;
          undone.push("b");
        },
      });
      throw new Error("boom");
    }),
    actions: {
      cancel: (c) => workflowControl(c).cancel(),
      status: (c) => workflowControl(c).status(),
    },
  });
  const instance = await workflowWorld().start(saga);
  await settle();
  assert.equal(await stateOf(instance), "rolling_back");
  assert.equal(await call(instance, "cancel"), false);
  undoing.resolve();
  await settle();
  assert.deepEqual(undone, ["b", "a"]);
  assert.equal(await stateOf(instance), "failed");
});

test("a step of a lost branch that ends after the rollbacks have started is rolled back too", async () => {
  const slow = deferred<number>();
  const undone: string[] = [];
  const saga = actor({
    run: workflow(async (ctx) => {
      await ctx.rollbackCheckpoint("start");
      await ctx.step({ name: "first", run: () => 0, rollback: () => void undone.push("first") });
      await ctx.race("race", [
        { name: "wins", run: async () => 1 },
        {
          name: "loses",
          run: (branch) =>
            branch.step({ name: "slow", run: () => slow.promise, rollback: () => void undone.push("slow") }),
        },
      ]);
      throw new Error("boom");
    }),
    actions: { status: (c) => workflowControl(c).status() },
  });
  const world = workflowWorld();
  const instance = await world.start(saga);
  assert.deepEqual(undone, ["first"]);
  assert.equal(await stateOf(instance), "rolling_back");
  slow.resolve(2);
  await settle();
  assert.deepEqual(undone, ["first", "slow"]);
  assert.equal(await stateOf(instance), "failed");
  await world.restart(saga, instance);
  assert.deepEqual(undone, ["first", "slow"]);
});

test("rollbacks do not wait for a step of a lost branch that a stop has interrupted", async () => {
  const undone: string[] = [];
  const saga = actor({
    run: workflow(async (ctx) => {
      await ctx.rollbackCheckpoint("start");
      await ctx.step({ name: "first", run: () => 0, rollback: () => void undone.push("first") });
      await ctx.race("race", [
        { name: "wins", run: async () => 1 },
        {
          name: "loses",
          run: (branch) =>
            branch.step({
              name: "slow",
              run: () => new Promise(() => {}),
              rollback: () => void undone.push("slow"),
            }),
        },
      ]);
      throw new Error("boom");
    }),
    actions: { status: (c) => workflowControl(c).status() },
  });
  const world = workflowWorld();
  const next = await world.restart(saga, await world.start(saga));
  assert.deepEqual(undone, ["first"]);
  assert.equal(await stateOf(next), "failed");
});

test("a replay repeats rolled-back steps", async () => {
  const happened: string[] = [];
  let fails = true;
  const saga = actor({
    run: workflow(async (ctx) => {
      await ctx.step("before", () => void happened.push("before"));
      await ctx.rollbackCheckpoint("start");
      await ctx.join("join", {
        a: {
          run: (branch) =>
            branch.step({
              name: "s",
              run: () => void happened.push("a"),
              rollback: () => void happened.push("undo a"),
            }),
        },
        b: {
          run: (branch) =>
            branch.step({
              name: "s",
              run: () => void happened.push("b"),
              rollback: () => void happened.push("undo b"),
            }),
        },
      });
      await ctx.step({
        name: "last",
        maxRetries: 0,
        run: () => {
          if (fails) throw new Error("boom");
          happened.push("last");
        },
      });
    }),
    actions: {
      status: (c) => workflowControl(c).status(),
      inspect: (c) => workflowControl(c).inspect(),
      replay: (c, id: string) => workflowControl(c).replay(id),
    },
  });
  const instance = await workflowWorld().start(saga);
  await settle(20);
  assert.equal(await stateOf(instance), "failed");
  assert.equal(happened.length, 5);
  const { history } = (await call(instance, "inspect")) as WorkflowInspection;
  fails = false;
  happened.length = 0;
  await call(instance, "replay", history?.entries.at(-1)?.id);
  await settle(20);
  assert.deepEqual(happened, ["a", "b", "last"]);
  assert.equal(await stateOf(instance), "completed");
});
