import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor, event } from "@holdfast/actors";
import { isErrorCode, UserError } from "@holdfast/core";
import { call, deferred, outcome, testSink, turn, world } from "./harness.ts";

const code = (group: string, name: string) => (error: unknown) => isErrorCode(error, group, name);

const no = (): never => {
  throw new UserError("no");
};

/** One of each kind of value that a state supports. */
function everything() {
  return {
    n: 1,
    list: [1, 2, 3],
    items: [{ id: 1 }, { id: 2 }],
    map: new Map<string, { v: number }>([["a", { v: 1 }]]),
    set: new Set(["x"]),
    date: new Date(1_000),
    bytes: new Uint8Array([1, 2, 3]),
    gone: { deep: { deeper: true } } as { deep?: { deeper: boolean } },
  };
}

function changeAll(state: ReturnType<typeof everything>): void {
  state.n = 2;
  state.list.push(4);
  state.list.sort((a, b) => b - a);
  const first = state.items.shift();
  if (first !== undefined) state.items.push(first);
  if (first !== undefined) first.id = 10;
  const value = state.map.get("a");
  if (value !== undefined) value.v = 5;
  state.map.set("b", { v: 2 });
  state.set.clear();
  state.set.add("y");
  state.date.setTime(5_000);
  state.bytes[0] = 9;
  if (state.gone.deep) state.gone.deep.deeper = false;
  delete state.gone.deep;
}

const definition = actor({
  createState: everything,
  events: { note: event<string>() },
  actions: {
    change: async (c, how: "throw" | "return" | "replace") => {
      await c.transaction(async () => {
        if (how === "replace") c.state = { ...everything(), n: 99 };
        changeAll(c.state);
        await c.kv.put("k", "changed");
        await c.kv.delete("old");
        c.broadcast("note", "inside");
        await turn();
        c.state.n = 3;
        if (how !== "return") no();
      });
      return c.state.n;
    },
    seed: (c) => c.kv.put("old", "here"),
    get: async (c) => [c.state, await c.kv.get("k"), await c.kv.get("old")],
    bump: (c) => ++c.state.n,
    afterwards: (c) => {
      const item = c.state.items[0];
      if (item !== undefined) item.id = 77;
      c.state.date.setTime(7_000);
      c.state.list.push(8);
      c.state.map.set("z", { v: 26 });
    },
  },
});

describe("transaction", () => {
  test("state and kv changes of fn are rolled back when it throws, and events are not sent", async () => {
    for (const how of ["throw", "replace"] as const) {
      const w = world();
      const instance = w.create(definition);
      await call(instance, "seed");
      const sink = testSink();
      void (await instance.connect({}, sink)).subscribe("note");
      const commits = w.store.commits.length;
      await assert.rejects(call(instance, "change", how), code("user", "user_error"));
      assert.deepEqual(await call(instance, "get"), [everything(), null, "here"]);
      assert.equal(w.store.commits.length, commits, "nothing was committed");
      assert.deepEqual(sink.seen, ["open"]);
      // The restored state is still tracked.
      await call(instance, "afterwards");
      const live = await call(instance, "get");
      await instance.sleep();
      assert.deepEqual(await call(await w.wake(definition), "get"), live);
    }
  });

  test("changes of fn are one commit when it returns, and events are sent after it", async () => {
    const w = world();
    const instance = w.create(definition);
    await call(instance, "seed");
    const sink = testSink();
    void (await instance.connect({}, sink)).subscribe("note");
    const commits = w.store.commits.length;
    assert.equal(await call(instance, "change", "return"), 3);
    assert.equal(w.store.commits.length, commits + 1);
    assert.deepEqual(sink.seen, ["open", ["note", "inside"]]);
    const live = await call(instance, "get");
    assert.deepEqual((live as unknown[]).slice(1), ["changed", null]);
    await instance.sleep();
    assert.deepEqual(await call(await w.wake(definition), "get"), live);
  });

  test("other actions wait until it has ended, and it waits for earlier ones", async () => {
    const w = world();
    const inside = deferred();
    const before = deferred();
    const log: string[] = [];
    const other = actor({
      state: { n: 0 },
      actions: {
        slow: async (c) => {
          await before.promise;
          c.state.n += 100;
          log.push("slow");
        },
        change: (c) =>
          c.transaction(async () => {
            log.push("begin");
            c.state.n++;
            await inside.promise;
            log.push("end");
          }),
        get: (c) => {
          log.push("get");
          return c.state.n;
        },
      },
    });
    const instance = w.create(other);
    await instance.ready;
    const slow = call(instance, "slow");
    const change = call(instance, "change");
    const get = call(instance, "get");
    const connecting = instance.connect({}, testSink());
    await turn();
    assert.deepEqual(log, []);
    before.resolve();
    await slow;
    assert.equal(await outcome(get), "pending");
    assert.equal(await outcome(connecting), "pending");
    inside.resolve();
    await change;
    assert.equal(await get, 101);
    await connecting;
    assert.deepEqual(log, ["slow", "begin", "end", "get"]);
  });

  test("a transaction of an ended action waits for running actions only", async () => {
    const w = world();
    const [go, inside] = [deferred(), deferred()];
    const log: string[] = [];
    const other = actor({
      actions: {
        later: (c) => c.waitUntil(go.promise.then(() => c.transaction(() => void log.push("later")))),
        floats: (c) => c.waitUntil(c.transaction(() => void log.push("floats"))),
        slow: async () => {
          await inside.promise;
          log.push("slow");
        },
      },
    });
    const instance = w.create(other);
    await call(instance, "later");
    go.resolve();
    await turn();
    await turn();
    assert.deepEqual(log, ["later"]);
    const slow = call(instance, "slow");
    await call(instance, "floats");
    await turn();
    await turn();
    assert.deepEqual(log, ["later"]);
    inside.resolve();
    await slow;
    await turn();
    await turn();
    assert.deepEqual(log, ["later", "slow", "floats"]);
  });

  test("operations that need an earlier commit are rejected inside, and work after it", async () => {
    const w = world();
    w.fetch = async () => new Response("ok");
    const other = actor({
      state: { n: 0 },
      actions: {
        inside: (c, what: "fetch" | "save" | "call" | "nested") =>
          c.transaction(async () => {
            c.state.n++;
            if (what === "fetch") await c.fetch("http://example.invalid/");
            else if (what === "save") await c.saveState({ immediate: true });
            else if (what === "nested") await c.transaction(() => {});
            else await (c.client() as unknown as { call(sent: () => void): Promise<void> }).call(() => {});
          }),
        get: async (c) => {
          await c.fetch("http://example.invalid/");
          return c.state.n;
        },
      },
    });
    const instance = w.create(other);
    for (const what of ["fetch", "save", "call"]) {
      await assert.rejects(call(instance, "inside", what), code("actor", "output_in_transaction"));
    }
    await assert.rejects(call(instance, "inside", "nested"), code("actor", "nested_transaction"));
    assert.equal(await call(instance, "get"), 0);
  });

  test("connections can be closed inside, whether it fails or not, awaited or not", async () => {
    const w = world();
    const other = actor({
      state: { n: 0 },
      actions: {
        kick: (c, id: string, fails: boolean) =>
          c.transaction(async () => {
            c.state.n++;
            if (fails) void c.conns.get(id)?.disconnect("user.kicked");
            else await c.conns.get(id)?.disconnect("user.kicked");
            if (fails) no();
          }),
        get: (c) => c.state.n,
      },
    });
    const instance = w.create(other);
    for (const fails of [true, false]) {
      const sink = testSink();
      const { id } = await instance.connect({}, sink);
      const kicked = call(instance, "kick", id, fails);
      if (fails) await assert.rejects(kicked, code("user", "user_error"));
      else await kicked;
      assert.deepEqual(sink.seen, ["open", [1000, "user.kicked"]]);
    }
    assert.equal(await call(instance, "get"), 1);
  });

  test("a transaction that cannot start gives up after actionTimeout", async () => {
    const w = world();
    const other = actor({
      options: { actionTimeout: 1_000 },
      onWake: (c) => {
        wake = () => c.transaction(() => {});
      },
      actions: { stuck: () => new Promise(() => {}), ping: () => "pong" },
    });
    let wake = (): Promise<void> => Promise.resolve();
    const instance = w.create(other);
    await instance.ready;
    const stuck = assert.rejects(call(instance, "stuck"), code("actor", "action_timed_out"));
    const changing = assert.rejects(wake(), code("actor", "transaction_timed_out"));
    await turn();
    w.ports.advance(500);
    const ping = call(instance, "ping");
    await turn();
    w.ports.advance(500);
    await Promise.all([stuck, changing]);
    assert.equal(await ping, "pong");
  });

  test("a transaction that gives up does not affect those behind it", async () => {
    const w = world();
    const go = deferred();
    let begin: (fn: () => Promise<void> | void) => Promise<void> = () => Promise.resolve();
    const other = actor({
      options: { actionTimeout: 1_000 },
      onWake: (c) => {
        begin = (fn) => c.transaction(fn);
      },
      onRequest: (c) => {
        third = () => c.transaction(() => {});
        return new Response();
      },
      actions: {
        second: (c) => {
          second = () => c.transaction(() => {});
        },
      },
    });
    let second = (): Promise<void> => Promise.resolve();
    let third = (): Promise<void> => Promise.resolve();
    const instance = w.create(other);
    await call(instance, "second");
    await instance.request({ request: new Request("http://actor/") });
    const first = begin(() => go.promise);
    await turn();
    const late = assert.rejects(second(), code("actor", "transaction_timed_out"));
    w.ports.advance(500);
    const behind = third();
    w.ports.advance(500);
    await late;
    assert.equal(await outcome(behind), "pending");
    go.resolve();
    await Promise.all([first, behind]);
  });

  test("callers blocked by one that does not end get an error after actionTimeout", async () => {
    const w = world();
    const other = actor({
      options: { actionTimeout: 1_000 },
      state: { n: 0 },
      onRequest: () => new Response(),
      actions: {
        stuck: (c) =>
          c.transaction(async () => {
            c.state.n = 5;
            await new Promise(() => {});
          }),
        get: (c) => c.state.n,
      },
    });
    const instance = w.create(other);
    await instance.ready;
    const waiting = [
      call(instance, "stuck"),
      call(instance, "get"),
      instance.request({ request: new Request("http://actor/") }),
    ].map((answer) => assert.rejects(answer, code("actor", "action_timed_out")));
    await turn();
    w.ports.advance(1_000);
    await Promise.all(waiting);
  });

  test("a stop rolls back an open transaction", async () => {
    const w = world();
    const other = actor({
      state: { n: 0 },
      options: { sleepGracePeriod: 100 },
      actions: {
        stuck: (c) =>
          c.transaction(async () => {
            c.state.n = 5;
            await new Promise(() => {});
          }),
        get: (c) => c.state.n,
      },
    });
    const instance = w.create(other);
    await instance.ready;
    const stuck = call(instance, "stuck");
    await turn();
    const stopped = instance.sleep();
    await turn();
    w.ports.advance(100);
    await assert.rejects(stuck, code("action", "interrupted"));
    assert.equal(await stopped, "slept");
    assert.equal(await call(await w.wake(other), "get"), 0);
  });

  test("onStateChange runs for a successful transaction only", async () => {
    const w = world();
    const seen: number[] = [];
    const other = actor({
      state: { n: 0 },
      onStateChange: (_c, state) => void seen.push(state.n),
      actions: {
        change: (c, fails: boolean) =>
          c.transaction(async () => {
            c.state.n++;
            await turn();
            await turn();
            c.state.n++;
            if (fails) no();
          }),
      },
    });
    const instance = w.create(other);
    await assert.rejects(call(instance, "change", true));
    await turn();
    assert.deepEqual(seen, []);
    await call(instance, "change", false);
    await turn();
    assert.deepEqual(seen, [2]);
  });

  test("works in every hook of a call without a connection", async () => {
    const w = world();
    const other = actor({
      state: { log: [] as string[] },
      onBeforeConnect: (c) => c.transaction(() => void c.state.log.push("before")),
      onConnect: (c) => c.transaction(() => void c.state.log.push("connect")),
      onDisconnect: (c) => c.transaction(() => void c.state.log.push("disconnect")),
      onBeforeActionResponse: async (c, _name, _args, output) => {
        await c.transaction(() => void c.state.log.push("response"));
        return output;
      },
      actions: { act: (c) => c.transaction(() => void c.state.log.push("act")), get: (c) => c.state.log },
    });
    const instance = w.create(other);
    await call(instance, "act");
    const seen = await call(instance, "get");
    assert.deepEqual((seen as string[]).slice(0, 5), ["before", "connect", "act", "response", "disconnect"]);
  });

  test("changes of onConnect do not belong to a transaction that started during onBeforeConnect", async () => {
    const w = world();
    const [admitted, begun, inside] = [deferred(), deferred(), deferred()];
    const other = actor({
      state: { connected: [] as unknown[] },
      onBeforeConnect: async (_c, params) => {
        if (params === "slow") await admitted.promise;
      },
      onConnect: (c, conn) => {
        c.state.connected.push(conn.params);
      },
      actions: {
        fails: (c) =>
          c.transaction(async () => {
            begun.resolve();
            await inside.promise;
            no();
          }),
        get: (c) => c.state.connected.filter((params) => params === "slow"),
      },
    });
    const instance = w.create(other);
    await instance.ready;
    const connecting = instance.connect({ params: "slow" }, testSink());
    const failing = call(instance, "fails");
    await begun.promise;
    admitted.resolve();
    await turn();
    inside.resolve();
    await assert.rejects(failing, code("user", "user_error"));
    await connecting;
    assert.deepEqual(await call(instance, "get"), ["slow"]);
  });

  test("works in onCreate: failed changes are not in the first commit", async () => {
    const w = world();
    const other = actor({
      state: { n: 0, list: [1] },
      onCreate: async (c) => {
        c.state.n = 1;
        await c.transaction(() => {
          c.state.list.push(2);
        });
        await c
          .transaction(() => {
            c.state.list.push(3);
            no();
          })
          .catch(() => {});
      },
      actions: { get: (c) => c.state },
    });
    const instance = w.create(other);
    assert.deepEqual(await call(instance, "get"), { n: 1, list: [1, 2] });
    await instance.sleep();
    assert.deepEqual(await call(await w.wake(other), "get"), { n: 1, list: [1, 2] });
  });
});
