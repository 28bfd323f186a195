import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ActorInstance, actor } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { call, callWithKey, turn, world } from "./harness.ts";

describe("the signal of a context whose call has ended", () => {
  test("an action's signal aborts when the actor stops, even if it is first read then", async () => {
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

  test("the signal of onRequest aborts as well", async () => {
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

describe("work that fails with the reason of a stop counts as interrupted and is not repeated", () => {
  const until = (signal: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const definition = actor({
    state: { runs: 0 },
    actions: {
      work: async (c) => {
        c.state.runs++;
        await until(c.abortSignal);
      },
      pieces: async function* (c) {
        yield ++c.state.runs;
        await until(c.abortSignal);
      },
      runs: (c) => c.state.runs,
    },
    onRequest: async (c) => {
      c.state.runs++;
      return until(c.abortSignal);
    },
  });

  const ways: Record<string, (instance: ActorInstance) => Promise<unknown>> = {
    "an action": (instance) => call(instance, "work"),
    "an action with a key": (instance) => callWithKey(instance, "k", "work"),
    "a result in pieces": (instance) =>
      instance.invoke({ name: "pieces", args: [], stream: { begin: () => {}, chunk: () => {} } }),
    "a request": (instance) => instance.request({ request: new Request("http://actor/") }),
  };
  for (const [what, begin] of Object.entries(ways)) {
    test(what, async () => {
      const w = world();
      const instance = w.create(definition);
      await instance.ready;
      const told = assert.rejects(begin(instance), (error) => isErrorCode(error, "action", "interrupted"));
      await turn();
      await turn();
      assert.equal(await instance.sleep(), "slept");
      await told;
      const next = await w.wake(definition);
      if (what.endsWith("key")) {
        await assert.rejects(begin(next), (error) => isErrorCode(error, "action", "interrupted"));
      }
      assert.equal(await call(next, "runs"), 1);
    });
  }
});

test("an error thrown by an abort listener is reported, and the actor still stops", async () => {
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
