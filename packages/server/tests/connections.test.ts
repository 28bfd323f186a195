import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";
import { actor, event } from "@holdfast/actors";
import { clientLimits } from "@holdfast/client";
import { HoldfastError, isErrorCode, UserError } from "@holdfast/core";
import { allActors } from "@holdfast/testing/actors";
import {
  Condition,
  cuttableProxy,
  serve,
  shareServer,
  storedRegistry,
  temporaryDirectory,
} from "./support.ts";

const room = actor({
  state: { log: [] as string[], closed: 0 },
  events: { said: event<[who: string, text: string]>(), whisper: event<string>() },
  onBeforeConnect: (_c, params: unknown) => {
    if (params === "banned") throw new UserError("You are banned", { code: "banned" });
  },
  onDisconnect: (c) => {
    c.state.closed += 1;
  },
  actions: {
    say: (c, who: string, text: string) => {
      c.state.log.push(text);
      c.broadcast("said", who, text);
    },
    whisper: (c, text: string) => c.conn.send("whisper", text),
    log: (c) => c.state.log,
    closed: (c) => c.state.closed,
    present: (c) => c.conns.size,
    kick: (c) => c.conn.disconnect("kicked"),
    drop: (c) => c.destroy(),
  },
});

const withRoom = shareServer({ room });

/** Lives until it is aborted; `started` and `aborted` tell of it. */
function waiter(onChange: () => void) {
  const seen = { started: 0, aborted: 0 };
  const definition = actor({
    actions: {
      wait: (c) =>
        new Promise<void>((_resolve, reject) => {
          seen.started += 1;
          c.abortSignal.addEventListener("abort", () => {
            seen.aborted += 1;
            reject(new UserError("aborted"));
            onChange();
          });
          onChange();
        }),
    },
  });
  return { definition, seen };
}

/** What an assignment to a member of `target` throws. */
function assigning(target: object, name: string): string {
  try {
    Object.assign(target, { [name]: "other" });
    return "set";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
}

test("user code cannot take connections out of c.conns, nor make one another", async (t) => {
  const open = actor({
    events: { said: event<string>() },
    onAuth: () => ({ token: "hunter2" }),
    actions: {
      tamper: (c) => {
        const conns = c.conns as Map<string, typeof c.conn>;
        assert.throws(() => conns.delete(c.conn.id), TypeError);
        assert.throws(() => conns.clear(), TypeError);
        assert.throws(() => conns.set("other", c.conn), TypeError);
        return [assigning(c.conn, "id"), assigning(c.conn, "params"), assigning(c.conn, "auth")];
      },
      keys: (c) => Object.keys(c.conn),
      shown: (c) => [JSON.stringify(c.conn), inspect(c.conn)].join().includes("hunter2"),
      say: (c) => {
        const { send } = c.conn;
        send("said", "hello");
        return c.conns.has(c.conn.id);
      },
    },
  });
  const { client } = await serve(t, { open });
  const connection = client()
    .open.getOrCreate("a", { params: { user: "me" } })
    .connect();
  const heard = new Promise<string>((resolve) => connection.once("said", resolve));
  assert.deepEqual(await connection.tamper(), ["TypeError", "TypeError", "TypeError"]);
  assert.equal(await connection.shown(), false);
  assert.deepEqual(await connection.keys(), []);
  assert.equal(await connection.say(), true);
  assert.equal(await heard, "hello");
  await connection.dispose();
});

test("what a callback throws is told to the console, and ends nothing", async (t) => {
  const told = t.mock.method(console, "error", () => undefined);
  const { client } = await withRoom(t);
  const connection = client().room.getOrCreate("r").connect();
  const heard: string[] = [];
  const fail = (): never => {
    throw new Error("of a callback");
  };
  connection.onOpen(fail);
  connection.onStatusChange(fail);
  connection.on("whisper", fail);
  connection.on("whisper", (text) => heard.push(text));
  await connection.whisper("psst");
  await connection.log();
  assert.deepEqual(heard, ["psst"]);
  await connection.dispose();
  const errors = told.mock.calls.map(({ arguments: [, error] }) => String(error));
  // Open and connected, the event, and idle at the end.
  assert.deepEqual(errors, Array(4).fill("Error: of a callback"));
});

for (const way of ["cbor", "json", "in process"] as const) {
  describe(`events, ${way}`, () => {
    test("who has disposed of a connection is no longer among them", async (t) => {
      const running = await withRoom(t);
      const client = way === "in process" ? running.registry.client : running.client({ encoding: way });
      const handle = client.room.getOrCreate(`${way} left`);
      const stays = handle.connect();
      for (let left = 1; left <= 5; left++) {
        const leaves = handle.connect();
        await leaves.ready;
        assert.equal(await stays.present(), 2);
        await leaves.dispose();
        // The disposal has been seen, though the call comes over another socket.
        assert.deepEqual([await stays.present(), await stays.closed()], [1, left]);
      }
      await stays.dispose();
    });

    test("reach subscribers, in order, typed", async (t) => {
      const running = await withRoom(t);
      const client = way === "in process" ? running.registry.client : running.client({ encoding: way });
      const handle = client.room.getOrCreate(`${way} heard`);
      const one = handle.connect();
      const two = handle.connect();
      const changed = new Condition();
      const heard: string[] = [];
      const quiet: string[] = [];
      const off = one.on("said", (who, text) => {
        heard.push(`${who}: ${text}`);
        changed.changed();
      });
      one.once("whisper", (text) => quiet.push(text));
      two.on("whisper", (text) => quiet.push(`two ${text}`));
      await Promise.all([one.ready, two.ready]);
      // A call after the subscription: both travel in order.
      await one.log();
      for (let i = 0; i < 100; i++) void handle.say("ann", String(i)).catch(() => undefined);
      await changed.until(() => heard.length === 100);
      assert.equal(new Set(heard).size, 100);
      await one.say("bob", "by connection");
      assert.equal(heard.at(-1), "bob: by connection", "what an action sent is there before its answer");
      await one.whisper("psst");
      await one.whisper("again");
      assert.deepEqual(quiet, ["psst"]);
      off();
      await one.say("bob", "unheard");
      assert.equal(heard.length, 101);
      await Promise.all([one.dispose(), two.dispose()]);
    });

    test("a refused connection says why, once and for all", async (t) => {
      const running = await withRoom(t);
      const client = way === "in process" ? running.registry.client : running.client({ encoding: way });
      const conn = client.room.getOrCreate(`${way} refused`).connect("banned");
      const errors: string[] = [];
      conn.onError((error) => errors.push(`${error.group}.${error.code} ${error.message}`));
      const pending = conn.log();
      await assert.rejects(conn.ready, (error) => isErrorCode(error, "user", "banned"));
      await assert.rejects(pending, (error) => isErrorCode(error, "user", "banned"));
      await assert.rejects(conn.log(), (error) => isErrorCode(error, "user", "banned"));
      assert.deepEqual(errors, ["user.banned You are banned"]);
      assert.equal(conn.connStatus, "disconnected");
    });

    test("a kicked connection asks again, a disposed one does not; both run onDisconnect", async (t) => {
      const running = await withRoom(t);
      const client = way === "in process" ? running.registry.client : running.client({ encoding: way });
      const handle = client.room.getOrCreate(`${way} kicked`);
      const kicked = handle.connect();
      const closed = new Condition();
      let closes = 0;
      const offClose = kicked.onClose(() => {
        assert.equal(kicked.connStatus, "disconnected");
        closes += 1;
        closed.changed();
      });
      await kicked.ready;
      const first = kicked.connId;
      await kicked.kick();
      await closed.until(() => closes === 1);
      const gaps: string[] = [];
      kicked.on("whisper", (text) => gaps.push(text));
      kicked.onOpen(() => closed.changed());
      await closed.until(() => kicked.connStatus === "connected");
      assert.notEqual(kicked.connId, first);
      await kicked.whisper("back");
      assert.deepEqual(gaps, ["back"]);
      offClose();
      await kicked.dispose();
      const disposed = handle.connect();
      await disposed.ready;
      disposed.onClose(() => {
        closes += 1;
      });
      await disposed.dispose();
      assert.equal(closes, 2);
      assert.equal(disposed.connStatus, "idle");
      await assert.rejects(disposed.log(), (error) => isErrorCode(error, "conn", "disposed"));
      // The disconnect hook is a turn of its own that comes after the closing.
      while ((await handle.closed()) < 3);
    });

    test("an abort signal cancels the call at the actor", async (t) => {
      const changed = new Condition();
      const { definition, seen } = waiter(() => changed.changed());
      const running = await serve(t, { waiter: definition });
      const client = way === "in process" ? running.registry.client : running.client({ encoding: way });
      const handle = client.waiter.getOrCreate();
      const conn = handle.connect();
      for (const each of [handle, conn]) {
        const before = seen.started;
        const abort = new AbortController();
        const call = each.action({ name: "wait", signal: abort.signal });
        await changed.until(() => seen.started === before + 1);
        abort.abort(new Error("changed my mind"));
        await assert.rejects(call, /changed my mind/);
        await changed.until(() => seen.aborted === before + 1);
      }
      await assert.rejects(
        handle.action({ name: "wait", signal: AbortSignal.abort(new Error("never")) }),
        /never/,
      );
      assert.equal(seen.started, 2);
      await conn.dispose();
    });
  });
}

describe("reconnection", () => {
  test("with the server restarted in between: subscriptions and calls go on", {
    timeout: 60_000,
  }, async (t) => {
    const directory = temporaryDirectory(t);
    const first = storedRegistry(allActors, directory);
    const { port } = await first.listen({ port: 0 });
    const second = storedRegistry(allActors, directory);
    t.after(() => second.shutdown());
    const { createClient } = await import("@holdfast/client");
    const client = createClient<typeof first>(`http://127.0.0.1:${port}`);
    t.after(() => client.dispose());
    const conn = client.counter.getOrCreate("a").connect();
    const statuses: string[] = [];
    const changed = new Condition();
    const values: number[] = [];
    conn.onStatusChange((status) => {
      statuses.push(status);
      changed.changed();
    });
    conn.on("changed", (value) => {
      values.push(value);
      changed.changed();
    });
    assert.equal(await conn.increment(1), 1);
    await first.shutdown();
    await changed.until(() => conn.connStatus === "disconnected");
    const whileDown = conn.increment(10);
    const byHandle = client.counter.get("a").increment(100);
    await second.listen({ port });
    const results = await Promise.all([whileDown, byHandle]);
    assert.equal(Math.max(...results), 111);
    await conn.increment(1000);
    assert.equal(values.at(-1), 1111);
    assert.ok(statuses.includes("disconnected"));
    assert.equal(conn.connStatus, "connected");
  });

  test("a call whose answer was lost is answered after the reconnect, and ran once", async (t) => {
    const { listening, client } = await serve(t, allActors);
    const proxy = await cuttableProxy(t, listening.port);
    const conn = client({ endpoint: proxy.url }).counter.getOrCreate("a").connect();
    const direct = client().counter.getOrCreate("a");
    assert.equal(await conn.increment(1), 1);
    const observer = direct.connect();
    const changed = new Condition();
    let count = 0;
    observer.on("changed", (value) => {
      count = value;
      changed.changed();
    });
    await observer.get();
    proxy.swallowReplies();
    const lost = conn.increment(10);
    await changed.until(() => count === 11);
    proxy.cut();
    assert.equal(await lost, 11);
    assert.equal(await direct.get(), 11);
    await observer.dispose();
  });

  test("a call that is cancelled while its connection is cut off is cancelled at the actor", async (t) => {
    const changed = new Condition();
    const { definition, seen } = waiter(() => changed.changed());
    const { listening, client } = await serve(t, { waiter: definition });
    const proxy = await cuttableProxy(t, listening.port);
    const conn = client({ endpoint: proxy.url }).waiter.getOrCreate().connect();
    conn.onStatusChange(() => changed.changed());
    const abort = new AbortController();
    const cancelled = conn.action({ name: "wait", signal: abort.signal });
    const kept = assert.rejects(conn.wait(), (error) => isErrorCode(error, "conn", "disposed"));
    await changed.until(() => seen.started === 2);
    proxy.open = false;
    proxy.cut();
    await changed.until(() => conn.connStatus === "disconnected");
    abort.abort(new Error("changed my mind"));
    await assert.rejects(cancelled, /changed my mind/);
    assert.equal(seen.aborted, 0);
    proxy.open = true;
    await changed.until(() => seen.aborted === 1);
    assert.equal(seen.started, 2);
    await conn.dispose();
    await kept;
  });

  test("an HTTP call whose answer was lost is sent again, and ran once", async (t) => {
    const { client } = await serve(t, allActors);
    let sent = 0;
    const losing: typeof fetch = async (input, init) => {
      const response = await fetch(input, init);
      sent += 1;
      if (sent % 2 === 0) return response;
      await response.arrayBuffer();
      throw new TypeError("the connection was reset");
    };
    const handle = client({ fetch: losing }).counter.getOrCreate("a");
    for (let i = 1; i <= 5; i++) assert.equal(await handle.increment(1), i);
    assert.equal(sent, 10);
    const made = await client({ fetch: losing }).counter.create("b");
    assert.equal(await made.get(), 0);
  });

  test("calls that wait for a connection are bounded", async (t) => {
    const { client } = await serve(t, allActors);
    const conn = client({ endpoint: "http://127.0.0.1:9" }).echo.getOrCreate().connect();
    const waiting = Array.from({ length: clientLimits.maxPendingCalls }, () => conn.none());
    await assert.rejects(conn.none(), (error) => isErrorCode(error, "conn", "buffer_full"));
    await conn.dispose();
    for (const call of waiting) {
      await assert.rejects(call, (error) => isErrorCode(error, "conn", "disposed"));
    }
  });

  test("parameters are asked for again at each attempt", async (t) => {
    const { listening, client } = await serve(t, allActors);
    const proxy = await cuttableProxy(t, listening.port);
    let asked = 0;
    const handle = client({ endpoint: proxy.url }).counter.getOrCreate("a", {
      getParams: () => ({ n: ++asked }),
    });
    const conn = handle.connect();
    assert.deepEqual(await conn.params(), { n: 1 });
    const changed = new Condition();
    conn.onOpen(() => changed.changed());
    proxy.cut();
    await changed.until(() => conn.connStatus === "connected");
    assert.deepEqual(await conn.params(), { n: 2 });
    await conn.dispose();
  });

  test("a server that cannot be reached is a network error, after the attempts", {
    timeout: 60_000,
  }, async (t) => {
    const { client } = await serve(t, allActors);
    const abort = new AbortController();
    let attempts = 0;
    const unreachable: typeof fetch = async (_input, init) => {
      // The cancellation at the end is sent as well.
      if (init?.method === "POST") attempts += 1;
      if (attempts === 4) abort.abort(new HoldfastError("test", "enough", "Enough"));
      throw new TypeError("no route to host");
    };
    const handle = client({ fetch: unreachable }).counter.getOrCreate("a", { signal: abort.signal });
    await assert.rejects(handle.get(), (error) => isErrorCode(error, "test", "enough"));
    assert.equal(attempts, 4);
  });
});

test("a reader that does not read is closed, and the actor goes on", { timeout: 60_000 }, async (t) => {
  const { connect } = await import("node:net");
  const { listening, client } = await serve(t, { flood: floodActor });
  const slow = connect(listening.port, "127.0.0.1");
  t.after(() => slow.destroy());
  slow.on("error", () => undefined);
  const upgraded = new Promise<void>((resolve) => slow.once("data", () => resolve()));
  slow.write(
    "GET /actors/flood/@,/connect?create=true HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\n" +
      "connection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
      "sec-websocket-protocol: holdfast.v1, holdfast.encoding.json\r\n\r\n",
  );
  await upgraded;
  slow.pause();
  const subscribe = Buffer.from('[[3,"data"]]');
  slow.write(Buffer.concat([Buffer.from([0x81, 0x80 | subscribe.length, 0, 0, 0, 0]), subscribe]));
  const handle = client().flood.getOrCreate("");
  const deadline = Date.now() + 30_000;
  // Its own, and that of this call.
  while ((await handle.conns()) < 2) assert.ok(Date.now() < deadline, "it is not connected");
  while ((await handle.conns()) > 1) await handle.push(400_000);
  assert.ok((await handle.sent()) < 500, "the buffer is bounded");
});

const floodActor = actor({
  state: { sent: 0 },
  actions: {
    push: (c, size: number) => {
      c.state.sent += 1;
      c.broadcast("data", "x".repeat(size));
    },
    sent: (c) => c.state.sent,
    conns: (c) => c.conns.size,
  },
});
