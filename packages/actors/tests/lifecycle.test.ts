import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor, event } from "@holdfast/actors";
import { HoldfastError, isErrorCode, UserError } from "@holdfast/core";
import { call, deferred, outcome, testSink, turn, world } from "./harness.ts";

const code = (group: string, name: string) => (error: unknown) => isErrorCode(error, group, name);

/** Records which hooks ran. */
function traced(log: string[], options: { sleepTimeout?: number; noSleep?: boolean } = {}) {
  const hook = (name: string) => () => void log.push(name);
  return actor({
    createState: (_c, input: { n: number } | undefined) => {
      log.push("createState");
      return { n: input?.n ?? 0 };
    },
    createVars: () => {
      log.push("createVars");
      return { made: true };
    },
    createConnState: () => {
      log.push("createConnState");
      return { hits: 0 };
    },
    options,
    events: { note: event<string>() },
    onCreate: (c, input) => void log.push(`onCreate ${c.state.n} ${input?.n}`),
    onWake: (c) => void log.push(`onWake ${c.vars.made}`),
    onSleep: hook("onSleep"),
    onDestroy: (c) => {
      log.push("onDestroy");
      c.state.n++;
      for (const conn of c.conns.values()) conn.send("note", "goodbye");
    },
    onBeforeConnect: (c) => void log.push(`onBeforeConnect ${c.conns.size}`),
    onConnect: (c, conn) => {
      log.push(`onConnect ${c.conns.size} ${conn.state.hits}`);
      conn.send("note", "hello");
    },
    onDisconnect: (c) => void log.push(`onDisconnect ${c.conns.size}`),
    actions: {
      act: (c) => {
        log.push(`act ${c.conns.has(c.conn.id)}`);
        return ++c.state.n;
      },
      sleep: (c) => c.sleep(),
      destroy: (c) => {
        c.destroy();
        return "going";
      },
    },
  });
}

describe("the order of hooks", () => {
  test("create, call, connect, disconnect, sleep, wake, destroy", async () => {
    const w = world();
    const log: string[] = [];
    const instance = w.create(traced(log), { n: 3 });
    await instance.ready;
    assert.deepEqual(log.splice(0), ["createState", "onCreate 3 3", "createVars", "onWake true"]);
    assert.equal(await call(instance, "act"), 4);
    const cycle = ["onBeforeConnect 0", "createConnState", "onConnect 1 0", "act true", "onDisconnect 0"];
    assert.deepEqual(log.splice(0), cycle);
    const sink = testSink();
    const conn = await instance.connect({ params: {} }, sink);
    assert.deepEqual(log.splice(0), ["onBeforeConnect 0", "createConnState", "onConnect 1 0"]);
    assert.deepEqual(sink.seen, ["open", ["note", "hello"]]);
    await instance.invoke({ name: "act", args: [], conn });
    assert.deepEqual(log.splice(0), ["act true"]);
    conn.close();
    await turn();
    assert.deepEqual(log.splice(0), ["onDisconnect 0"]);
    assert.equal(await instance.sleep(), "slept");
    assert.deepEqual(log.splice(0), ["onSleep"]);
    const again = await w.wake(traced(log));
    await again.ready;
    assert.deepEqual(log.splice(0), ["createVars", "onWake true"]);
    const second = testSink();
    await again.connect({}, second);
    log.length = 0;
    assert.equal(await again.destroy(), "destroyed");
    assert.deepEqual(log, ["onDestroy", "onDisconnect 0"]);
    assert.deepEqual(second.seen.slice(-2), [
      ["note", "goodbye"],
      [1000, "actor.destroyed"],
    ]);
    await assert.rejects(w.wake(traced(log)), code("actor", "not_found"));
  });

  test("the first commit creates the actor, and only after onCreate", async () => {
    const w = world();
    const wait = deferred();
    const definition = actor({
      state: { n: 0 },
      onCreate: async (c) => {
        c.state.n = 1;
        await wait.promise;
        c.state.n = 2;
      },
    });
    const instance = w.create(definition);
    await turn();
    await turn();
    assert.equal(w.store.commits.length, 0);
    wait.resolve();
    await instance.ready;
    assert.equal(w.store.commits.length, 1);
    assert.deepEqual(w.store.commits[0]?.create, {
      name: "test",
      key: ["a"],
      createdAt: w.ports.clock.now(),
    });
    assert.equal(w.store.commits[0]?.state?.type, "snapshot");
  });

  test("an actor whose createState or onCreate throws is not created", async () => {
    for (const broken of [
      actor({
        createState: () => {
          throw new UserError("no", { code: "refused" });
        },
      }),
      actor({
        state: {},
        onCreate: async () => {
          await turn();
          throw new UserError("no", { code: "refused" });
        },
      }),
    ]) {
      const w = world();
      const instance = w.create(broken);
      const early = call(instance, "anything");
      await assert.rejects(instance.ready, code("user", "refused"));
      await assert.rejects(early, code("user", "refused"));
      assert.equal(await instance.stopped, "failed");
      assert.equal(w.store.commits.length, 0);
    }
  });

  test("an onWake that throws fails the start; the next wake tries again", async () => {
    const w = world();
    let healthy = false;
    const definition = actor({
      state: { n: 0 },
      onWake: () => {
        if (!healthy) throw new Error("boom");
      },
      actions: { get: (c) => c.state.n },
    });
    const instance = w.create(definition);
    await assert.rejects(instance.ready, code("internal", "internal_error"));
    assert.equal(await instance.stopped, "failed");
    healthy = true;
    assert.equal(await call(await w.wake(definition), "get"), 0);
  });

  test("state, vars and connState constants are copies", async () => {
    const w = world();
    const shared = { list: [1] };
    const definition = actor({
      state: shared,
      vars: shared,
      connState: shared,
      actions: {
        change: (c) => {
          c.state.list.push(2);
          c.vars.list.push(3);
          c.conn.state.list.push(4);
        },
      },
    });
    await call(w.create(definition), "change");
    assert.deepEqual(shared, { list: [1] });
  });

  test("connection hooks time out", async () => {
    const w = world();
    const definition = actor({
      onBeforeConnect: () => new Promise<void>(() => {}),
      actions: { ping: () => "pong" },
    });
    const instance = w.create(definition);
    await instance.ready;
    const connecting = instance.connect({}, testSink());
    await turn();
    w.ports.advance(5_000);
    await assert.rejects(connecting, code("actor", "callback_timed_out"));
  });

  test("a rejected connection is not visible to others", async () => {
    const w = world();
    const definition = actor({
      onBeforeConnect: (_c, params: { ok: boolean }) => {
        if (!params.ok) throw new UserError("members only", { code: "members_only" });
      },
      actions: { count: (c) => c.conns.size },
    });
    const instance = w.create(definition);
    const sink = testSink();
    await assert.rejects(instance.connect({ params: { ok: false } }, sink), code("user", "members_only"));
    await assert.rejects(
      instance.invoke({ name: "count", args: [], params: { ok: false } }),
      code("user", "members_only"),
    );
    assert.deepEqual(sink.seen, []);
    await instance.connect({ params: { ok: true } }, sink);
    assert.deepEqual(sink.seen, ["open"]);
  });

  test("onStateChange runs once per macrotask, only after changes, and must not change the state", async () => {
    const w = world();
    const seen: number[] = [];
    const definition = actor({
      state: { n: 0 },
      vars: { last: 0 },
      onStateChange: (c, state) => {
        seen.push(state.n);
        c.vars.last = state.n;
        if (state.n === 3) c.state.n = 4;
      },
      actions: {
        set: (c, n: number) => {
          c.state.n = n - 1;
          c.state.n = n;
        },
        get: (c) => [c.state.n, c.vars.last],
      },
    });
    const instance = w.create(definition);
    await call(instance, "set", 2);
    await turn();
    // The caller that made the change receives the error; the change stays.
    await assert.rejects(call(instance, "set", 3), code("actor", "state_mutation_reentrant"));
    await turn();
    await call(instance, "get");
    await turn();
    assert.deepEqual(seen, [2, 3]);
    assert.deepEqual(await call(instance, "get"), [3, 3]);
    assert.deepEqual(w.reported, []);
  });

  test("onStateChange runs for changes in onCreate, before createVars", async () => {
    const w = world();
    const seen: string[] = [];
    const instance = w.create(
      actor({
        state: { n: 0 },
        onCreate: (c) => {
          c.state.n = 1;
        },
        createVars: () => {
          seen.push("createVars");
          return {};
        },
        onStateChange: (_c, state) => {
          seen.push(`onStateChange ${state.n}`);
          if (state.n === 2) throw new Error("the password is hunter2");
        },
        onWake: () => void seen.push("onWake"),
        actions: {
          set: (c, n: number) => {
            c.state.n = n;
          },
          get: (c) => c.state.n,
        },
      }),
    );
    await instance.ready;
    await turn();
    assert.deepEqual(seen, ["onStateChange 1", "createVars", "onWake"]);
    await assert.rejects(call(instance, "set", 2), code("internal", "internal_error"));
    assert.equal(w.reported.length, 1);
    await call(instance, "set", 3);
    assert.equal(await call(instance, "get"), 3);
  });

  test("onStateChange for changes in onCreate sees constant vars", async () => {
    const w = world();
    const instance = w.create(
      actor({
        state: { n: 0 },
        vars: { heard: [] as number[] },
        onCreate: (c) => {
          c.state.n = 1;
        },
        onStateChange: (c, state) => void c.vars.heard.push(state.n),
        actions: { heard: (c) => c.vars.heard },
      }),
    );
    await instance.ready;
    assert.deepEqual(w.reported, []);
    assert.deepEqual(await call(instance, "heard"), [1]);
  });

  test("onBeforeActionResponse changes the result", async () => {
    const w = world();
    const definition = actor({
      actions: { hello: (_c, name: string) => `hello ${name}` },
      onBeforeActionResponse: (_c, name, args, output) =>
        (typeof output === "string" ? `${output}! (${name} ${args.length})` : output) as typeof output,
    });
    assert.equal(await call(w.create(definition), "hello", "you"), "hello you! (hello 1)");
  });
});

describe("sleep and destruction", () => {
  test("an idle actor sleeps; calls, connections and keepAwake keep it awake", async () => {
    const w = world();
    const work = deferred();
    const definition = actor({
      state: { n: 0 },
      options: { sleepTimeout: 1_000 },
      actions: { add: (c) => ++c.state.n, work: (c) => void c.keepAwake(work.promise) },
    });
    const instance = w.create(definition);
    await instance.ready;
    w.ports.advance(999);
    await call(instance, "add");
    w.ports.advance(999);
    assert.equal(instance.status, "ready");
    const conn = await instance.connect({}, testSink());
    w.ports.advance(5_000);
    assert.equal(instance.status, "ready");
    await call(instance, "work");
    conn.close();
    await turn();
    w.ports.advance(5_000);
    assert.equal(instance.status, "ready");
    work.resolve();
    await turn();
    w.ports.advance(1_000);
    assert.equal(await instance.stopped, "slept");
    assert.equal(w.ports.pendingTimers, 0);
    assert.equal(await call(await w.wake(definition), "add"), 2);
  });

  test("a call during a sleep is reported as not executed; running calls complete", async () => {
    const w = world();
    const wait = deferred();
    const definition = actor({
      state: { n: 0 },
      onSleep: async () => {
        await turn();
      },
      actions: {
        slow: async (c) => {
          await wait.promise;
          return ++c.state.n;
        },
        add: (c) => ++c.state.n,
      },
    });
    const instance = w.create(definition);
    await instance.ready;
    const slow = call(instance, "slow");
    const stopped = instance.sleep();
    await assert.rejects(call(instance, "add"), code("actor", "stopping"));
    await assert.rejects(instance.connect({}, testSink()), code("actor", "stopping"));
    assert.equal(await outcome(stopped), "pending");
    wait.resolve();
    assert.equal(await slow, 1);
    assert.equal(await stopped, "slept");
    const again = await w.wake(definition);
    assert.equal(await call(again, "add"), 2);
  });

  test("the grace period is a limit: interrupted work is notified and can no longer change anything", async () => {
    const w = world();
    const wait = deferred();
    let failure: unknown;
    const definition = actor({
      state: { n: 0 },
      options: { sleepGracePeriod: 100 },
      actions: {
        slow: async (c) => {
          c.state.n = 1;
          await wait.promise;
          try {
            c.state.n = 2;
          } catch (error) {
            failure = error;
          }
        },
        get: (c) => c.state.n,
      },
    });
    const instance = w.create(definition);
    await instance.ready;
    const slow = call(instance, "slow");
    const stopped = instance.sleep();
    await turn();
    w.ports.advance(100);
    await assert.rejects(slow, code("action", "interrupted"));
    assert.equal(await stopped, "slept");
    const commits = w.store.commits.length;
    wait.resolve();
    await turn();
    assert.ok(isErrorCode(failure, "actor", "stopped"));
    assert.equal(w.store.commits.length, commits);
    assert.equal(await call(await w.wake(definition), "get"), 1);
  });

  test("onDestroy runs once, even if an action exceeds the grace period", async () => {
    const w = world();
    const wait = deferred();
    const cleaning = deferred();
    const log: string[] = [];
    const definition = actor({
      state: { n: 0 },
      options: { sleepGracePeriod: 100 },
      onSleep: () => void log.push("onSleep"),
      onDestroy: async (c) => {
        log.push(`onDestroy ${c.state.n}`);
        await cleaning.promise;
        log.push("clean");
      },
      actions: {
        slow: async (c) => {
          c.state.n = 1;
          await wait.promise;
        },
      },
    });
    const instance = w.create(definition);
    await instance.ready;
    const slow = assert.rejects(call(instance, "slow"), code("action", "interrupted"));
    const stopped = instance.destroy();
    await turn();
    assert.deepEqual(log, []);
    w.ports.advance(100);
    await turn();
    assert.deepEqual(log, ["onDestroy 1"]);
    w.ports.advance(99);
    assert.equal(await outcome(stopped), "pending");
    cleaning.resolve();
    assert.equal(await stopped, "destroyed");
    await slow;
    wait.resolve();
    await turn();
    assert.deepEqual(log, ["onDestroy 1", "clean"]);
    assert.equal(w.ports.pendingTimers, 0);
  });

  test("an action may put its actor to sleep or destroy it, and still returns its result", async () => {
    const w = world();
    const log: string[] = [];
    const instance = w.create(traced(log));
    await call(instance, "sleep");
    assert.equal(await instance.stopped, "slept");
    const again = await w.wake(traced(log));
    assert.equal(await call(again, "destroy"), "going");
    assert.equal(await again.stopped, "destroyed");
    const last = w.store.commits.at(-1);
    assert.equal(last?.destroyedAt, w.ports.clock.now());
    assert.ok(last?.state || w.store.commits.at(-2)?.state, "what onDestroy changed is committed");
  });

  test("a destruction during a sleep replaces it; both are idempotent", async () => {
    const w = world();
    const wait = deferred();
    const log: string[] = [];
    const definition = actor({
      state: {},
      onSleep: async () => {
        log.push("onSleep");
        await wait.promise;
      },
      onDestroy: () => void log.push("onDestroy"),
    });
    const instance = w.create(definition);
    await instance.ready;
    const outcomes = [
      instance.sleep(),
      instance.sleep(),
      instance.destroy(),
      instance.destroy(),
      instance.sleep(),
    ];
    wait.resolve();
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(["destroyed"]));
    assert.deepEqual(log, ["onSleep", "onDestroy"]);
    assert.notEqual((await w.store.get("a"))?.destroyedAt, undefined);
  });

  test("a shutdown waits for a start in progress no longer than for running calls", async () => {
    const w = world();
    const wakes = deferred();
    const late: unknown[] = [];
    const definition = actor({
      state: { n: 0 },
      onWake: async (c) => {
        await wakes.promise;
        late.push(c.aborted);
      },
      actions: { get: (c) => c.state.n },
    });
    const instance = w.create(definition);
    const refused = assert.rejects(call(instance, "get"), code("actor", "stopping"));
    const stopped = instance.shutdown();
    w.ports.advance(14_999);
    assert.equal(await outcome(stopped), "pending");
    w.ports.advance(1);
    assert.equal(await outcome(stopped), "resolved");
    assert.equal(await stopped, "shutdown");
    await refused;
    await assert.rejects(instance.ready, code("actor", "stopping"));
    wakes.resolve();
    await turn();
    assert.deepEqual(late, [true]);
    assert.equal(instance.status, "stopped");
    assert.equal(w.ports.pendingTimers, 0);
    const quick = actor({ options: { noSleep: true }, onWake: () => turn() });
    const inTime = w.create(quick, undefined, "b");
    assert.equal(await inTime.shutdown(), "shutdown");
    assert.equal(w.ports.pendingTimers, 0);
  });

  test("waitUntil delays a sleep, shutdown reports it, and abortSignal fires at its start", async () => {
    const w = world();
    const wait = deferred();
    let signal: AbortSignal | undefined;
    const definition = actor({
      state: { n: 0 },
      onWake: (c) => {
        signal = c.abortSignal;
      },
      actions: {
        background: (c) =>
          c.waitUntil(
            wait.promise.then(() => {
              c.state.n = 5;
            }),
          ),
        get: (c) => c.state.n,
      },
    });
    const instance = w.create(definition);
    await call(instance, "background");
    const stopped = instance.shutdown();
    assert.equal(signal?.aborted, true);
    assert.equal(await outcome(stopped), "pending");
    wait.resolve();
    assert.equal(await stopped, "shutdown");
    assert.equal(await call(await w.wake(definition), "get"), 5);
  });

  test("a stop requested by the host during the start follows it; user code cannot request one then", async () => {
    const w = world();
    const definition = actor({
      state: {},
      onWake: (c) => {
        assert.throws(() => c.sleep(), code("actor", "starting"));
      },
    });
    const instance = w.create(definition);
    assert.equal(await instance.sleep(), "slept");
  });

  test("a failed last commit is reported", async () => {
    const w = world();
    const definition = actor({ state: { n: 0 }, onSleep: (c) => void c.state.n++ });
    const instance = w.create(definition);
    await instance.ready;
    await w.store.acquire("a");
    assert.equal(await instance.sleep(), "fenced");
  });
});

describe("connections", () => {
  test("events are sent to subscribers after the commit; disconnect closes after earlier output", async () => {
    const w = world();
    const definition = actor({
      state: { n: 0 },
      events: { note: event<string>() },
      actions: {
        tell: (c, text: string) => {
          c.state.n++;
          c.broadcast("note", text);
        },
        kick: (c, id: string) => {
          const conn = c.conns.get(id);
          conn?.send("note", "bye");
          void conn?.disconnect("user.kicked");
          return c.conns.size;
        },
      },
    });
    const instance = w.create(definition);
    const sinks = [testSink(), testSink()] as const;
    const conns = [await instance.connect({}, sinks[0]), await instance.connect({}, sinks[1])] as const;
    void conns[0].subscribe("note");
    await call(instance, "tell", "one");
    conns[0].unsubscribe("note");
    await call(instance, "tell", "two");
    w.store.hold = true;
    const kicked = call(instance, "kick", conns[1].id);
    assert.equal(await kicked, 2, "the other one, and that of the call itself");
    assert.deepEqual(sinks[0].seen, ["open", ["note", "one"]]);
    assert.deepEqual(sinks[1].seen, ["open", ["note", "bye"], [1000, "user.kicked"]]);
    conns[1].close();
    void conns[1].subscribe("note");
  });

  test("an unawaited disconnect or save does not end the process when its commit fails", async () => {
    const w = world();
    const unhandled: unknown[] = [];
    const hear = (error: unknown): void => void unhandled.push(error);
    process.on("unhandledRejection", hear);
    try {
      const instance = w.create(
        actor({
          state: { n: 0 },
          actions: {
            go: (c, id: string) => {
              c.state.n++;
              void c.saveState({ immediate: true });
              void c.conns.get(id)?.disconnect();
            },
          },
        }),
      );
      const { id } = await instance.connect({}, testSink());
      w.store.hold = true;
      const gone = call(instance, "go", id);
      await turn();
      w.store.held.shift()?.fail(new HoldfastError("store", "full", "no room"));
      await assert.rejects(gone);
      await turn();
      assert.deepEqual(unhandled, []);
    } finally {
      process.off("unhandledRejection", hear);
    }
  });

  test("a connection that closes during its setup is rejected", async () => {
    const w = world();
    const wait = deferred();
    const definition = actor({
      options: { noSleep: true },
      onConnect: async (_c, conn) => {
        if (conn.params === "kick") return conn.disconnect("user.banned");
        if (conn.params === "end") return conn.disconnect("no room");
        await wait.promise;
      },
    });
    const instance = w.create(definition);
    const sink = testSink();
    await assert.rejects(instance.connect({ params: "kick" }, sink), code("user", "banned"));
    await assert.rejects(instance.connect({ params: "end" }, sink), code("conn", "disconnected"));
    const connecting = instance.connect({}, sink);
    await turn();
    const stopped = instance.sleep();
    wait.resolve();
    await assert.rejects(connecting, code("actor", "stopping"));
    assert.equal(await stopped, "slept");
    assert.deepEqual(sink.seen, []);
  });
});
