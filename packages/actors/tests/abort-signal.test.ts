import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor } from "@holdfast/actors";
import { call, world } from "./harness.ts";

describe("the signal of a context whose call has ended", () => {
  test("an action's aborts when the actor stops, also for what looks at it then for the first time", async () => {
    const w = world();
    const told: string[] = [];
    const polls: (() => boolean)[] = [];
    const definition = actor({
      actions: {
        listen: (c) => c.abortSignal.addEventListener("abort", () => told.push("listener")),
        poll: (c, asksAtOnce: boolean) => {
          polls.push(() => c.aborted);
          return asksAtOnce && c.aborted;
        },
      },
    });
    const instance = w.create(definition);
    await call(instance, "listen");
    assert.equal(await call(instance, "poll", true), false);
    await call(instance, "poll", false);
    assert.deepEqual([polls[0]?.(), told], [false, []]);
    await instance.sleep();
    assert.deepEqual(told, ["listener"]);
    assert.deepEqual(
      polls.map((aborted) => aborted()),
      [true, true],
    );
  });

  test("that of onRequest does, too", async () => {
    const w = world();
    const reasons: unknown[] = [];
    const definition = actor({
      onRequest: (c) => {
        c.abortSignal.addEventListener("abort", () => reasons.push(c.abortSignal.reason.code));
        return new Response("ok");
      },
    });
    const instance = w.create(definition);
    const response = await instance.request({ request: new Request("http://actor/") });
    assert.equal(await response.text(), "ok");
    assert.deepEqual(reasons, []);
    await instance.destroy();
    assert.deepEqual(reasons, ["stopping"]);
  });
});

test("what a listener of a signal throws is reported, and the actor stops as ever", async () => {
  const w = world();
  const fails = (where: string) => (): never => {
    throw new Error(where);
  };
  const slept: string[] = [];
  const definition = actor({
    onWake: (c) => c.abortSignal.addEventListener("abort", fails("onWake")),
    onSleep: () => void slept.push("slept"),
    run: (c) =>
      new Promise<void>((resolve) => {
        c.abortSignal.addEventListener("abort", fails("run"));
        c.abortSignal.addEventListener("abort", () => resolve());
      }),
    actions: {
      listen: (c) => c.abortSignal.addEventListener("abort", fails("action")),
    },
  });
  const instance = w.create(definition);
  await call(instance, "listen");
  assert.equal(await instance.sleep(), "slept");
  assert.deepEqual(slept, ["slept"]);
  const messages = w.reported.map((error) => (error as Error).message);
  assert.deepEqual(messages.sort(), ["action", "onWake", "run"]);
});
