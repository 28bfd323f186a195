import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActorSchedule } from "@holdfast/actors";
import { Alarm, newAlarm } from "./alarm.ts";

/** An actor's schedules, of which the alarm uses only these. */
function openAlarm(next: { at: number | undefined }) {
  const set = new Map<string, number>();
  let last = 0;
  const schedule: Pick<ActorSchedule, "at" | "cancel" | "get"> = {
    at: async (at, action) => {
      assert.equal(action, "internal.due");
      last += 1;
      set.set(`${last}`, at);
      return `${last}`;
    },
    cancel: async (id) => set.delete(id),
    get: async (id) => {
      const runAt = set.get(id);
      return runAt === undefined ? undefined : { id, action: "internal.due", args: [], runAt };
    },
  };
  let saves = 0;
  const context = {
    state: newAlarm(),
    schedule: schedule as ActorSchedule,
    saveState: async () => {
      saves += 1;
    },
  };
  return {
    alarm: new Alarm(() => next.at),
    context,
    set,
    times: () => [...set.values()],
    saves: () => saves,
  };
}

test("an alarm is set to the next work, moved and removed with it", async () => {
  const next: { at: number | undefined } = { at: 100 };
  const { alarm, context, times } = openAlarm(next);
  await alarm.set(context);
  await alarm.set(context);
  assert.deepEqual(times(), [100]);
  next.at = 50;
  await alarm.set(context);
  assert.deepEqual(times(), [50]);
  context.state.retryAt = 70;
  await alarm.set(context);
  assert.deepEqual(times(), [70]);
  next.at = undefined;
  await alarm.set(context);
  assert.deepEqual(times(), []);
});

test("while the work runs, it is stored that the alarm rings again; work that throws leaves it so", async () => {
  const next = { at: 100 };
  const { alarm, context, set, times, saves } = openAlarm(next);
  await alarm.set(context);
  // A schedule that runs is removed.
  set.clear();
  await alarm.ring(context, 100, async () => {
    assert.deepEqual([times(), saves()], [[60_100], 1]);
    next.at = 500;
    await alarm.set(context);
    await alarm.ring(context, 100, () => Promise.reject(new Error("the work runs already")));
    assert.deepEqual(times(), [60_100]);
  });
  assert.deepEqual(times(), [500]);
  set.clear();
  await assert.rejects(alarm.ring(context, 500, () => Promise.reject(new Error("no commit"))));
  assert.deepEqual(times(), [60_500]);
  set.clear();
  await alarm.ring(context, 60_500, async () => {});
  assert.deepEqual(times(), [500]);
});

test("an alarm that was given up is set again, and one that is there is left", async () => {
  const next: { at: number | undefined } = { at: 100 };
  const { alarm, context, set, times } = openAlarm(next);
  await alarm.set(context);
  await alarm.restore(context);
  assert.deepEqual([...set.keys()], ["1"]);
  set.clear();
  await alarm.restore(context);
  assert.deepEqual(times(), [100]);
  set.clear();
  next.at = undefined;
  await alarm.restore(context);
  assert.deepEqual(times(), []);
});
