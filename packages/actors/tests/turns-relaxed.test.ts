import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { action, actor, event } from "@holdfast/actors";
import { isErrorCode, UserError } from "@holdfast/core";
import { call, outcome, testSink, turn, world } from "./harness.ts";

const definition = actor({
  state: { n: 0 },
  options: { durability: "relaxed" },
  events: { changed: event<number>() },
  actions: {
    add: (c) => {
      c.state.n++;
      c.broadcast("changed", c.state.n);
      return c.state.n;
    },
    get: (c) => c.state.n,
    save: (c, options?: { immediate?: boolean; maxWait?: number }) => c.saveState(options),
    change: (c, fails: boolean) =>
      c.transaction(() => {
        c.state.n += 10;
        if (fails) throw new UserError("no");
        return c.state.n;
      }),
  },
});

describe("relaxed durability", () => {
  test("outputs are sent first; changes are saved together every stateSaveInterval", async () => {
    const w = world();
    const instance = w.create(definition);
    await instance.ready;
    const sink = testSink();
    void (await instance.connect({}, sink)).subscribe("changed");
    const commits = w.store.commits.length;
    w.store.hold = true;
    for (let i = 1; i <= 3; i++) assert.equal(await call(instance, "add"), i);
    assert.deepEqual(sink.seen.slice(1), [
      ["changed", 1],
      ["changed", 2],
      ["changed", 3],
    ]);
    assert.equal(w.store.commits.length, commits);
    w.ports.advance(999);
    assert.equal(w.store.commits.length, commits);
    w.ports.advance(1);
    assert.equal(w.store.commits.length, commits + 1);
    assert.equal(await call(instance, "add"), 4, "also while a commit is on its way");
    w.ports.advance(60_000);
    assert.equal(w.store.commits.length, commits + 1, "one commit at a time");
    w.store.held[0]?.land();
    await turn();
    assert.equal(w.store.commits.length, commits + 2);
    await call(instance, "get");
    w.ports.advance(60_000);
    assert.equal(w.store.commits.length, commits + 2, "reads save nothing");
  });

  test("saveState: immediate waits until durable, maxWait is a limit, without both it only requests a save", async () => {
    const w = world();
    const instance = w.create(definition);
    await instance.ready;
    const commits = w.store.commits.length;
    w.store.hold = true;
    await call(instance, "add");
    await call(instance, "save");
    assert.equal(w.store.commits.length, commits);
    await call(instance, "save", { maxWait: 100 });
    assert.equal(w.store.commits.length, commits);
    w.ports.advance(100);
    assert.equal(w.store.commits.length, commits + 1);
    w.store.held[0]?.land();
    await turn();
    await call(instance, "add");
    const saved = call(instance, "save", { immediate: true });
    assert.equal(await outcome(saved), "pending");
    assert.equal(w.store.commits.length, commits + 2);
    w.store.held[1]?.land();
    await saved;
  });

  test("sleep, shutdown and destroy save pending changes; a crash loses at most the interval", async () => {
    const w = world();
    let instance = w.create(definition);
    await call(instance, "add");
    assert.equal(await instance.sleep(), "slept");
    instance = await w.wake(definition);
    assert.equal(await call(instance, "add"), 2);
    assert.equal(await instance.shutdown(), "shutdown");
    instance = await w.wake(definition);
    assert.equal(await call(instance, "add"), 3);
    w.ports.advance(1_000);
    await turn();
    assert.equal(await call(instance, "add"), 4);
    // This instance is not stopped: another owner takes over, as after a crash.
    const next = await w.wake(definition);
    assert.equal(await call(next, "get"), 3);
    assert.equal(await next.destroy(), "destroyed");
  });

  test("a transaction is still one commit, submitted at its end", async () => {
    const w = world();
    const instance = w.create(definition);
    await call(instance, "add");
    await assert.rejects(call(instance, "change", true), (error) => isErrorCode(error, "user", "user_error"));
    assert.equal(await call(instance, "get"), 1);
    assert.equal(await call(instance, "change", false), 11);
    assert.equal(await call(await w.wake(definition), "get"), 11);
  });

  test("per action: its result is sent first, its commit follows immediately, others wait as usual", async () => {
    const w = world();
    const one = actor({
      state: { n: 0 },
      actions: {
        fast: action({ durability: "relaxed", handler: (c: { state: { n: number } }) => ++c.state.n }),
        slow: (c) => ++c.state.n,
      },
    });
    const instance = w.create(one);
    await instance.ready;
    w.store.hold = true;
    assert.equal(await call(instance, "fast"), 1);
    assert.equal(w.store.held.length, 1);
    const slow = call(instance, "slow");
    assert.equal(await outcome(slow), "pending");
    w.store.hold = false;
    w.store.held[0]?.land();
    assert.equal(await slow, 2);
  });

  test("creation is durable before the actor is ready", async () => {
    const w = world();
    w.store.hold = true;
    const instance = w.create(definition);
    assert.equal(await outcome(instance.ready), "pending");
    w.store.held[0]?.land();
    await instance.ready;
  });
});
