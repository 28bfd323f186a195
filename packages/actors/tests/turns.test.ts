import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor, event } from "@holdfast/actors";
import { HoldfastError, isErrorCode, UserError } from "@holdfast/core";
import { call, deferred, outcome, testSink, turn, world } from "./harness.ts";

const code = (group: string, name: string) => (error: unknown) => isErrorCode(error, group, name);

/** Enough callers for a gathering commit, unless more arrive. */
async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn();
}

const counter = actor({
  state: { count: 0 },
  events: { changed: event<number>() },
  actions: {
    add: (c, by: number) => {
      c.state.count += by;
      return c.state.count;
    },
    get: (c) => c.state.count,
    announce: (c) => {
      c.state.count++;
      c.broadcast("changed", c.state.count);
      c.state.count++;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
    addAll: (c, by: number) => {
      c.state.count += by;
      return c.state;
    },
    fail: () => {
      throw new Error("secret detail");
    },
    refuse: () => {
      throw new UserError("no", { code: "nope", metadata: { a: 1 } });
    },
    bad: () => () => 1,
  },
});

/** Four callers arrived together before; two of four calls wait for one commit, and two for the next. */
async function twoFlights() {
  const w = world();
  const instance = w.create(counter);
  await instance.ready;
  await Promise.all([1, 1, 1, 1].map((by) => call(instance, "add", by)));
  w.store.hold = true;
  const first = [call(instance, "add", 1), call(instance, "add", 1)];
  await turns(20);
  const second = [call(instance, "add", 1), call(instance, "add", 1)];
  await turns(20);
  return { w, instance, first, second };
}

describe("the output gate", () => {
  test("the creation for a call shares its commit, and both are reported after it", async () => {
    const w = world();
    w.store.hold = true;
    const instance = w.create(counter);
    const added = call(instance, "add", 2);
    assert.equal(await outcome(Promise.race([added, instance.ready])), "pending");
    await turns(20);
    assert.equal(w.store.held.length, 1);
    w.store.held[0]?.land();
    assert.equal(await added, 2);
    await instance.ready;
    assert.deepEqual(
      w.store.commits.map(({ version, create }) => [version, create !== undefined]),
      [[1, true]],
    );
  });

  test("a result is sent only after its commit", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    w.store.hold = true;
    const result = call(instance, "add", 1);
    assert.equal(await outcome(result), "pending");
    assert.equal(w.store.held.length, 1);
    w.store.held[0]?.land();
    assert.equal(await result, 1);
  });

  test("a read of undurable data waits for its commit; a read of durable data does not access the store", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    const commits = w.store.commits.length;
    assert.equal(await call(instance, "get"), 0);
    assert.equal(w.store.commits.length, commits);
    assert.equal(w.store.reads, 0);
    w.store.hold = true;
    const write = call(instance, "add", 1);
    const read = call(instance, "get");
    assert.equal(await outcome(read), "pending");
    w.store.held[0]?.land();
    assert.deepEqual(await Promise.all([write, read]), [1, 1]);
    assert.equal(w.store.commits.length, commits + 1);
  });

  test("turns that close during a commit share the next one, and outputs stay in order", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    w.store.hold = true;
    const order: unknown[] = [];
    const add = (by: number): Promise<unknown> => call(instance, "add", by).then((n) => order.push(n));
    const calls = [add(1), add(2), call(instance, "get").then((n) => order.push(n)), add(3)];
    assert.equal(w.store.held.length, 1);
    w.store.held[0]?.land();
    await turn();
    assert.deepEqual(order, [1]);
    assert.deepEqual(
      w.store.held.map(({ batch }) => batch.version),
      [2, 3],
    );
    calls.push(add(4));
    w.store.held[1]?.land();
    await turns(3);
    assert.deepEqual(order, [1, 3, 3, 6]);
    assert.equal(w.store.held.length, 3);
    w.store.held[2]?.land();
    await Promise.all(calls);
    assert.deepEqual(order, [1, 3, 3, 6, 10]);
  });

  test("callers that return together share a commit, which waits for half of them at most", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    w.store.hold = true;
    const order: unknown[] = [];
    const add = (): Promise<unknown> => call(instance, "add", 1).then((n) => order.push(n));
    const first = [add(), add(), add(), add(), add(), add()];
    w.store.held[0]?.land();
    await turn();
    w.store.held[1]?.land();
    await Promise.all(first);
    const second = [add(), add()];
    assert.equal(w.store.held.length, 2);
    second.push(add(), add());
    assert.deepEqual(
      w.store.held.map(({ batch }) => batch.version),
      [2, 3, 4],
    );
    await turns(3);
    assert.deepEqual(order, [1, 2, 3, 4, 5, 6]);
    w.store.held[2]?.land();
    await turns(3);
    assert.deepEqual(order, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    w.store.held[3]?.land();
    await Promise.all(second);
    assert.deepEqual(order, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  test("a second commit starts during the first, and its outputs wait for both", async () => {
    const { w, instance, first, second } = await twoFlights();
    const [one, two] = w.store.held.map(({ batch }) => batch.version);
    assert.equal(two, (one ?? 0) + 1);
    assert.equal(w.store.held.length, 2);
    w.store.held[1]?.land();
    assert.equal(await outcome(Promise.race([...first, ...second])), "pending");
    w.store.held[0]?.land();
    assert.deepEqual(await Promise.all([...first, ...second]), [5, 6, 7, 8]);
    w.store.hold = false;
    assert.equal(await call(instance, "get"), 8);
  });

  test("if the first of two commits fails, no output of the second is sent", async () => {
    const { w, instance, first, second } = await twoFlights();
    w.store.held[0]?.fail(new HoldfastError("store", "indeterminate", "The disk is gone"));
    w.store.held[1]?.land();
    for (const result of [...first, ...second]) await assert.rejects(result, code("store", "indeterminate"));
    await assert.rejects(call(instance, "get"), code("actor", "stopping"));
  });

  test("an actor with objects has one commit in progress", async () => {
    const keeper = actor({
      state: { count: 0 },
      actions: {
        add: (c, by: number) => {
          c.state.count += by;
          return c.state.count;
        },
        put: (c) => c.blob.put(new Uint8Array(1)),
      },
    });
    const w = world();
    const instance = w.create(keeper);
    await instance.ready;
    await call(instance, "put");
    await Promise.all([1, 1, 1, 1].map((by) => call(instance, "add", by)));
    w.store.hold = true;
    const results = [1, 1, 1, 1].map((by) => call(instance, "add", by));
    await turns(20);
    assert.equal(w.store.held.length, 1);
    for (let landed = 0; (await outcome(Promise.all(results))) === "pending"; landed++) {
      w.store.held[landed]?.land();
      await turns(20);
    }
  });

  test("a gathering commit is submitted when no more callers arrive, or by a stop", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    await Promise.all([1, 2, 3, 4].map((by) => call(instance, "add", by)));
    const commits = w.store.commits.length;
    const late = call(instance, "add", 5);
    assert.equal(w.store.commits.length, commits);
    assert.equal(await late, 15);
    assert.equal(w.store.commits.length, commits + 1);
    await Promise.all([1, 2, 3, 4].map((by) => call(instance, "add", by)));
    const last = call(instance, "add", 5);
    const slept = instance.sleep();
    assert.equal(await last, 30);
    assert.equal(await slept, "slept");
  });

  test("a gathering commit that cannot be submitted drops its outputs", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    await Promise.all([1, 2, 3, 4].map((by) => call(instance, "add", by)));
    w.store.hold = true;
    const calls = [call(instance, "add", 1)];
    assert.equal(w.store.held.length, 0);
    await turns(3);
    const fenced = new HoldfastError("actor", "fenced", "Another owner has taken over");
    calls.push(call(instance, "add", 1));
    w.store.held[0]?.fail(fenced);
    for (const result of await Promise.allSettled(calls)) assert.equal(result.status, "rejected");
    assert.equal(await instance.stopped, "fenced");
    assert.equal(w.store.held.length, 1);
  });

  test("output that does not depend on a change waits only for the preceding commit", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    w.store.hold = true;
    const write = call(instance, "add", 1);
    const read = call(instance, "get");
    w.store.held[0]?.land();
    assert.deepEqual(await Promise.all([write, read]), [1, 1]);
    assert.equal(w.store.held.length, 1);
  });

  test("events wait for the one commit of their turn, and contain the values of their time", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    const sink = testSink();
    const conn = await instance.connect({}, sink);
    void conn.subscribe("changed");
    w.store.hold = true;
    const result = call(instance, "announce");
    await turn();
    assert.deepEqual(sink.seen, ["open"]);
    assert.equal(await outcome(result), "pending");
    assert.equal(w.store.held.length, 1, "an action is one commit, whatever it sends");
    w.store.held[0]?.land();
    assert.equal(await result, 2);
    assert.deepEqual(sink.seen, ["open", ["changed", 1], ["changed", 2]]);
    assert.equal(w.store.held.length, 1);
  });

  test("an event after an await waits for the changes until the next macrotask, too", async () => {
    const w = world();
    const late = actor({
      state: { count: 0 },
      events: { changed: event<number>() },
      actions: {
        announce: async (c) => {
          await Promise.resolve();
          c.broadcast("changed", ++c.state.count);
          c.state.count++;
          return c.state.count;
        },
      },
    });
    const instance = w.create(late);
    await instance.ready;
    const sink = testSink();
    void (await instance.connect({}, sink)).subscribe("changed");
    w.store.hold = true;
    const result = call(instance, "announce");
    await turn();
    assert.deepEqual(sink.seen, ["open"]);
    assert.equal(w.store.held.length, 1);
    w.store.held[0]?.land();
    assert.equal(await result, 2);
    assert.deepEqual(sink.seen, ["open", ["changed", 1]]);
    assert.equal(w.store.held.length, 1);
  });

  test("a broadcast is encoded once", async () => {
    const w = world();
    const instance = w.create(counter);
    const sinks = [testSink(), testSink()];
    for (const sink of sinks) void (await instance.connect({}, sink)).subscribe("changed");
    await call(instance, "announce");
    assert.ok(sinks[0]?.events[0]);
    assert.equal(sinks[0]?.events[0], sinks[1]?.events[0]);
  });

  test("a result contains the values at the end of its turn", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    w.store.hold = true;
    const all = call(instance, "addAll", 1);
    const later = call(instance, "add", 5);
    w.store.hold = false;
    w.store.held[0]?.land();
    assert.deepEqual(await all, { count: 1 });
    assert.equal(await later, 6);
  });

  test("a turn ends at a macrotask boundary", async () => {
    const w = world();
    const wait = deferred();
    const slow = actor({
      state: { step: 0 },
      actions: {
        run: async (c) => {
          c.state.step = 1;
          await Promise.resolve();
          c.state.step = 2;
          await wait.promise;
          c.state.step = 3;
          await Promise.resolve();
          c.state.step = 4;
        },
      },
    });
    const instance = w.create(slow);
    await instance.ready;
    const commits = w.store.commits.length;
    const running = call(instance, "run");
    await turn();
    await turn();
    assert.equal(w.store.commits.length, commits + 1, "one turn for what happened before the wait");
    wait.resolve();
    await running;
    assert.equal(w.store.commits.length, commits + 2, "one turn for the rest");
  });

  test("saveState resolves when preceding changes are durable", async () => {
    const w = world();
    const saving = actor({
      state: { n: 0 },
      actions: {
        run: async (c, saved: () => void) => {
          c.state.n = 1;
          await c.saveState({ immediate: true });
          saved();
        },
      },
    });
    const instance = w.create(saving);
    await instance.ready;
    w.store.hold = true;
    let saved = false;
    const running = instance.invoke({ name: "run", args: [() => (saved = true)] });
    await turn();
    assert.equal(saved, false);
    w.store.held[0]?.land();
    await running;
    assert.equal(saved, true);
  });

  test("a call to another actor is sent after the preceding commit", async () => {
    const w = world();
    let sent = false;
    const calling = actor({
      state: { n: 0 },
      actions: {
        run: async (c) => {
          c.state.n = 1;
          const client: object = c.client();
          await (client as { call(sent: () => void): Promise<void> }).call(() => (sent = true));
        },
      },
    });
    const instance = w.create(calling);
    await instance.ready;
    w.store.hold = true;
    const running = call(instance, "run");
    await turn();
    assert.equal(sent, false);
    w.store.held[0]?.land();
    await running;
    assert.equal(sent, true);
  });
});

describe("a failed commit", () => {
  test("fenced: outputs are dropped, callers get actor.fenced, the instance stops", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    const sink = testSink();
    void (await instance.connect({}, sink)).subscribe("changed");
    await w.store.acquire("a");
    await assert.rejects(call(instance, "announce"), code("actor", "fenced"));
    assert.equal(await instance.stopped, "fenced");
    assert.deepEqual(sink.seen, ["open", [1012, "actor.fenced"]]);
    await assert.rejects(call(instance, "get"), code("actor", "stopping"));
    const record = await w.store.get("a");
    assert.equal(record?.version, 1);
  });

  test("other failures: callers get the store's error, also for pipelined calls, and the instance stops", async () => {
    const w = world();
    const wait = deferred();
    const definition = actor({
      state: { n: 0 },
      actions: {
        add: (c) => ++c.state.n,
        late: async (c) => {
          await wait.promise;
          c.state.n = 100;
        },
      },
    });
    const instance = w.create(definition);
    await instance.ready;
    w.store.hold = true;
    const late = call(instance, "late");
    const calls = [call(instance, "add"), call(instance, "add")];
    w.store.held[0]?.fail(new HoldfastError("store", "full", "The disk is full"));
    for (const result of [...calls, late]) await assert.rejects(result, code("store", "full"));
    assert.equal(await instance.stopped, "failed");
    assert.equal(instance.status, "stopped");
    const commits = w.store.commits.length;
    wait.resolve();
    await turn();
    assert.equal(w.store.commits.length, commits, "code that still runs cannot commit");
  });

  test("an untyped error reaches callers sanitized and the host in full", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    w.store.hold = true;
    const result = call(instance, "add", 1);
    w.store.held[0]?.fail(new Error("disk on fire at /secret"));
    await assert.rejects(result, (error) => {
      assert.ok(isErrorCode(error, "internal", "internal_error"));
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.match(String(w.reported[0]), /disk on fire/);
  });

  test("a state that can no longer be encoded stops the instance and loses nothing acknowledged", async () => {
    const w = world();
    const definition = actor({
      state: { n: 0, error: new Error("fine") },
      actions: {
        add: (c) => ++c.state.n,
        // No state write: the stored state is valid, and later changes are discarded.
        spoil: (c) => Reflect.setPrototypeOf(c.state.error, class Odd {}.prototype),
      },
    });
    const instance = w.create(definition);
    assert.equal(await call(instance, "add"), 1);
    await assert.rejects(call(instance, "spoil"), code("message", "unsupported_value"));
    assert.equal(await instance.stopped, "failed");
    assert.equal(await call(await w.wake(definition), "add"), 2);
  });

  test("a failed creation leaves no actor behind", async () => {
    const w = world();
    w.store.hold = true;
    const instance = w.create(counter);
    await turns(20);
    w.store.held[0]?.fail(new HoldfastError("actor", "duplicate_key", "There is one already"));
    // The callers belong to the existing actor: they retry and reach it.
    await assert.rejects(instance.ready, code("actor", "fenced"));
    assert.equal(await instance.stopped, "fenced");
  });
});

describe("errors of user code", () => {
  test("UserError is passed on, everything else is sanitized and reported", async () => {
    const w = world();
    const instance = w.create(counter);
    await assert.rejects(call(instance, "refuse"), (error) => {
      assert.ok(isErrorCode(error, "user", "nope"));
      assert.deepEqual(error.metadata, { a: 1 });
      return true;
    });
    await assert.rejects(call(instance, "fail"), (error) => {
      assert.ok(isErrorCode(error, "internal", "internal_error"));
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.match(String(w.reported[0]), /secret detail/);
    await assert.rejects(call(instance, "bad"), code("message", "unsupported_value"));
    await assert.rejects(call(instance, "none"), code("actor", "action_not_found"));
    await assert.rejects(call(instance, "toString"), code("actor", "action_not_found"));
    assert.equal(await call(instance, "get"), 0);
  });

  test("a stop error of another actor is not mistaken for this actor's", async () => {
    const w = world();
    const definition = actor({
      actions: {
        pass: () => {
          throw new HoldfastError("actor", "stopping", "said by another actor");
        },
      },
    });
    await assert.rejects(call(w.create(definition), "pass"), code("internal", "internal_error"));
    assert.equal(w.reported.length, 1);
  });

  test("changes before a throw persist, and the error waits for their commit", async () => {
    const w = world();
    const definition = actor({
      state: { n: 0 },
      actions: {
        fail: (c) => {
          c.state.n = 7;
          throw new UserError("after a change");
        },
        get: (c) => c.state.n,
      },
    });
    const instance = w.create(definition);
    await instance.ready;
    w.store.hold = true;
    const failed = call(instance, "fail");
    assert.equal(await outcome(failed), "pending");
    w.store.held[0]?.land();
    await assert.rejects(failed, code("user", "user_error"));
    assert.equal(await call(instance, "get"), 7);
  });

  test("actions time out, and a caller that cancels stops waiting; the code continues", async () => {
    const w = world();
    const wait = deferred();
    const aborted: boolean[] = [];
    const definition = actor({
      state: { n: 0 },
      options: { actionTimeout: 50, noSleep: true },
      actions: {
        slow: async (c) => {
          await wait.promise;
          aborted.push(c.aborted);
          c.state.n++;
        },
        get: (c) => c.state.n,
      },
    });
    const instance = w.create(definition);
    await instance.ready;
    const slow = call(instance, "slow");
    const cancel = new AbortController();
    const cancelled = instance.invoke({ name: "slow", args: [], signal: cancel.signal });
    cancel.abort();
    await assert.rejects(cancelled, code("action", "aborted"));
    w.ports.advance(49);
    assert.equal(await outcome(slow), "pending");
    w.ports.advance(1);
    await assert.rejects(slow, (error) => {
      assert.ok(isErrorCode(error, "actor", "action_timed_out"));
      assert.equal(error.statusCode, 408);
      return true;
    });
    wait.resolve();
    await turn();
    assert.deepEqual(aborted, [true, true]);
    assert.equal(await call(instance, "get"), 2);
    assert.equal(w.ports.pendingTimers, 0, "no timer is left behind");
  });

  test("an error thrown by a host is reported and does not affect other callers", async () => {
    const w = world();
    const instance = w.create(counter);
    await instance.ready;
    const broken = new Error("the stream is closed");
    const sink = testSink();
    const connection = await instance.connect(
      {},
      {
        ...sink,
        send: () => {
          throw broken;
        },
      },
    );
    assert.equal(connection.subscribe("changed"), true);
    const others = testSink();
    const other = await instance.connect({}, others);
    assert.equal(other.subscribe("changed"), true);
    assert.equal(await call(instance, "announce"), 2);
    assert.equal(await call(instance, "add", 1), 3, "the actor goes on answering");
    assert.deepEqual(w.reported, [broken, broken]);
    assert.deepEqual(others.seen, ["open", ["changed", 1], ["changed", 2]]);
    assert.equal(await instance.sleep(), "slept");
  });
});
