import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor, event } from "@holdfast/actors";
import { HoldfastError, isErrorCode, UserError } from "@holdfast/core";
import { call, callWithKey, deferred, outcome, turn, world } from "./harness.ts";

const code = (group: string, name: string) => (error: unknown) => isErrorCode(error, group, name);

function definition(waits: { promise: Promise<void> }[] = []) {
  let next = 0;
  return actor({
    state: { n: 0 },
    options: { noSleep: true },
    events: { tick: event<number>() },
    actions: {
      add: (c) => ++c.state.n,
      get: (c) => c.state.n,
      fail: (c) => {
        c.state.n++;
        throw new UserError("failed after a change", { code: "half" });
      },
      twice: async (c) => {
        c.state.n++;
        await waits[next++]?.promise;
        c.state.n++;
        return c.state.n;
      },
    },
  });
}

describe("keyed calls", () => {
  test("a retry receives the recorded result or error, in the same instance and after a wake", async () => {
    const w = world();
    const instance = w.create(definition());
    assert.equal(await callWithKey(instance, "k1", "add"), 1);
    assert.equal(await callWithKey(instance, "k1", "add"), 1);
    await assert.rejects(callWithKey(instance, "k2", "fail"), code("user", "half"));
    await assert.rejects(callWithKey(instance, "k2", "fail"), code("user", "half"));
    assert.equal(w.store.reads, 0, "an actor that was created here remembers all of its calls");
    await instance.sleep();
    const again = await w.wake(definition());
    assert.equal(await callWithKey(again, "k1", "add"), 1);
    await assert.rejects(callWithKey(again, "k2", "fail"), (error) => {
      assert.ok(isErrorCode(error, "user", "half"));
      assert.equal(error.statusCode, 400);
      return true;
    });
    assert.equal(await call(again, "get"), 2);
    assert.equal(await callWithKey(again, "k3", "add"), 3);
  });

  test("an actor that is given up does not let a call wait for a store that is out of reach: it has not run", async () => {
    const w = world();
    await callWithKey(w.create(definition()), "k1", "add");
    const again = await w.wake(definition());
    w.store.call = () => new Promise(() => {});
    const called = callWithKey(again, "k2", "add");
    assert.equal(await outcome(called), "pending");
    again.disown(new HoldfastError("actor", "moved", "Another node serves it"));
    await assert.rejects(called, code("actor", "stopping"));
  });

  test("a call without writes stores nothing", async () => {
    const w = world();
    const instance = w.create(definition());
    await instance.ready;
    const commits = w.store.commits.length;
    await callWithKey(instance, "k", "get");
    assert.equal(w.store.commits.length, commits);
  });

  test("a retry joins the running call", async () => {
    const w = world();
    const wait = deferred();
    const instance = w.create(definition([wait]));
    const first = callWithKey(instance, "k", "twice");
    await turn();
    const second = callWithKey(instance, "k", "twice");
    wait.resolve();
    assert.deepEqual(await Promise.all([first, second]), [2, 2]);
    assert.equal(await call(instance, "get"), 2);
  });

  test("a replayed result waits for the commit of its record", async () => {
    const w = world();
    const instance = w.create(definition());
    await instance.ready;
    w.store.hold = true;
    const first = callWithKey(instance, "k", "add");
    await turn();
    const second = callWithKey(instance, "k", "add");
    assert.equal(await outcome(second), "pending");
    w.store.held[0]?.land();
    assert.deepEqual(await Promise.all([first, second]), [1, 1]);
  });

  test("start and completion are recorded with the commits of the call", async () => {
    const w = world();
    const wait = deferred();
    const instance = w.create(definition([wait]));
    await instance.ready;
    const running = callWithKey(instance, "k", "twice");
    await turn();
    await turn();
    wait.resolve();
    await running;
    const records = w.store.commits.flatMap((batch) => batch.calls ?? []);
    assert.deepEqual(
      records.map(({ key, status }) => [key, status]),
      [
        ["k", "started"],
        ["k", "done"],
      ],
    );
    assert.equal(w.store.commits[1]?.calls?.[0]?.status, "started");
    assert.ok(w.store.commits[1]?.state, "the start is in the same commit as what the call had changed");
  });

  test("a retry after a crash between two commits fails without running", async () => {
    const w = world();
    const instance = w.create(definition([deferred()]));
    await instance.ready;
    const lost = callWithKey(instance, "k", "twice");
    await turn();
    await turn();
    // The process has died: another owner takes the actor over.
    const again = await w.wake(definition());
    await assert.rejects(callWithKey(again, "k", "twice"), (error) => {
      assert.ok(isErrorCode(error, "action", "interrupted"));
      assert.equal(error.statusCode, 409);
      return true;
    });
    assert.equal(await call(again, "get"), 1);
    assert.equal(await outcome(lost), "pending");
  });

  test("the window is ten minutes", async () => {
    const w = world();
    const instance = w.create(definition());
    await callWithKey(instance, "k", "add");
    w.ports.advance(599_999);
    assert.equal(await callWithKey(instance, "k", "add"), 1);
    w.ports.advance(1);
    assert.equal(await callWithKey(instance, "k", "add"), 2);
  });

  test("memory is bounded: only evicted keys are looked up in the store", async () => {
    const w = world();
    const instance = w.create(definition());
    for (let i = 0; i < 1_100; i++) await callWithKey(instance, `k${i}`, "add");
    assert.equal(w.store.reads, 0);
    assert.equal(await callWithKey(instance, "k0", "add"), 1);
    assert.equal(w.store.reads, 1);
    assert.equal(await callWithKey(instance, "k1099", "add"), 1_100);
    assert.equal(w.store.reads, 1);
  });

  test("concurrent retries during a store lookup run once", async () => {
    const w = world();
    await callWithKey(w.create(definition()), "other", "add");
    const again = await w.wake(definition());
    const results = await Promise.all([1, 2, 3].map(() => callWithKey(again, "k", "add")));
    assert.deepEqual(results, [2, 2, 2]);
    assert.equal(w.store.reads, 3);
    assert.equal(await call(again, "get"), 2);
  });

  test("after a wake the store is queried only while it has records", async () => {
    const w = world();
    await call(w.create(definition()), "add");
    const unkeyed = await w.wake(definition());
    await callWithKey(unkeyed, "k", "add");
    assert.equal(w.store.reads, 0);
    const again = await w.wake(definition());
    assert.equal(await callWithKey(again, "k", "add"), 2);
    assert.equal(w.store.reads, 1);
    w.ports.advance(600_000);
    await callWithKey(again, "l", "add");
    assert.equal(w.store.reads, 1);
  });

  test("a key newer than all evicted ones needs no store lookup, an older one does", async () => {
    const w = world();
    const instance = w.create(definition());
    const name = (i: number) => `k${String(i).padStart(6, "0")}`;
    for (let i = 0; i < 3_000; i++) await callWithKey(instance, name(2 * i), "add");
    assert.equal(w.store.reads, 0);
    for (let i = 0; i < 100; i++) assert.equal(await callWithKey(instance, name(2 * i), "add"), i + 1);
    assert.equal(w.store.reads, 100);
  });
});
