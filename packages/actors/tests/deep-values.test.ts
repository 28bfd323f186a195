/** Stored values of any depth can be read back; only the depth of client input is limited. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import { isErrorCode, UserError } from "@holdfast/core";
import { call, callWithKey, world } from "./harness.ts";
import { advance } from "./schedule-support.ts";

/** Nested lists. */
function nested(levels: number): unknown {
  let value: unknown = "innermost";
  for (let i = 0; i < levels; i++) value = [value];
  return value;
}

const deep = nested(200);

test("a schedule keeps its arguments, also across a sleep", async () => {
  const w = world();
  const taken: unknown[] = [];
  const planner = actor({
    options: { noSleep: true },
    actions: {
      plan: async (c) => {
        await c.schedule.after(1_000, "take", deep);
        await c.cron.every({ name: "often", interval: 5_000, action: "take", args: [deep] });
      },
      take: (_c, value: unknown) => void taken.push(value),
      known: async (c) => [(await c.schedule.list()).length, (await c.cron.list()).length],
    },
  });
  const instance = w.create(planner);
  await call(instance, "plan");
  assert.deepEqual(await call(instance, "known"), [1, 1]);
  await instance.sleep();
  const awake = await w.wake(planner);
  await awake.ready;
  await advance(w, 5_000);
  assert.deepEqual(taken, [deep, deep]);
});

test("the error of a scheduled action is in the history and in the dead letter", async () => {
  const w = world();
  const planner = actor({
    options: { noSleep: true },
    actions: {
      plan: async (c) => {
        await c.schedule.after(0, "fail");
        await c.cron.every({ name: "often", interval: 5_000, action: "fail" });
      },
      fail: () => {
        throw new UserError("no", { metadata: deep });
      },
      history: async (c) => (await c.cron.history("often")).map(({ error }) => error?.code),
      dead: async (c) => (await c.schedule.deadLetters()).map(({ error }) => error.code),
    },
  });
  const instance = w.create(planner);
  await call(instance, "plan");
  await advance(w, 19_000);
  assert.deepEqual(await call(instance, "history"), ["user_error", "user_error", "user_error"]);
  assert.deepEqual(await call(instance, "dead"), ["user_error"]);
});

test("a retry receives the recorded error, in the same instance and after a wake", async () => {
  const w = world();
  const failing = actor({
    state: { calls: 0 },
    options: { noSleep: true },
    actions: {
      fail: (c) => {
        c.state.calls++;
        throw new UserError("no", { code: "refused", metadata: deep });
      },
      calls: (c) => c.state.calls,
    },
  });
  const refused = (error: unknown): boolean => {
    assert.ok(isErrorCode(error, "user", "refused"));
    assert.deepEqual(error.metadata, deep);
    return true;
  };
  const instance = w.create(failing);
  await assert.rejects(callWithKey(instance, "k", "fail"), refused);
  await assert.rejects(callWithKey(instance, "k", "fail"), refused);
  await instance.sleep();
  const awake = await w.wake(failing);
  await assert.rejects(callWithKey(awake, "k", "fail"), refused);
  assert.equal(await call(awake, "calls"), 1);
});
