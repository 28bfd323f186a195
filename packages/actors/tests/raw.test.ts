import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode, UserError } from "@holdfast/core";
import { actor } from "../src/index.ts";
import { type ControlledStore, call, deferred, outcome, turn, world } from "./harness.ts";

const request = (path = "/"): Request => new Request(`http://actor${path}`);
const code =
  (group: string, name: string) =>
  (error: unknown): boolean =>
    isErrorCode(error, group, name);

/** Lets commits succeed until the promise settles. */
async function landing<T>(store: ControlledStore, promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = (): void => {
    settled = true;
  };
  promise.then(done, done);
  while (!settled) {
    store.held.shift()?.land();
    await turn();
  }
  return promise;
}

/** The host's side of a WebSocket, recording its output. */
function wire(path = "/") {
  const sent: unknown[] = [];
  return {
    sent,
    call: {
      request: request(path),
      protocol: "",
      transport: {
        bufferedAmount: 0,
        send: (data: string | Uint8Array) => void sent.push(data),
        close: (closeCode: number | undefined, reason: string) => void sent.push([closeCode, reason]),
      },
    },
  };
}

describe("raw requests and the output gate", () => {
  test("the head is sent after its commit, each chunk after its own", async () => {
    const { create, store } = world();
    const next = deferred();
    const instance = create(
      actor({
        state: { writes: 0 },
        onRequest: (c) => {
          c.state.writes += 1;
          let chunk = 0;
          return new Response(
            new ReadableStream({
              pull: async (controller) => {
                if (chunk++ > 0) await next.promise;
                c.state.writes += 1;
                controller.enqueue(new Uint8Array([chunk]));
                if (chunk === 2) controller.close();
              },
            }),
          );
        },
      }),
    );
    await instance.ready;
    store.hold = true;
    const answered = instance.request({ request: request() });
    assert.equal(await outcome(answered), "pending", "the write of the handler is not durable");
    const response = await landing(store, answered);
    const reader = response.body?.getReader();
    assert.ok(reader);
    assert.deepEqual((await landing(store, reader.read())).value, new Uint8Array([1]));
    const second = reader.read();
    next.resolve();
    assert.equal(await outcome(second), "pending", "the write of the second chunk is not durable");
    assert.deepEqual((await landing(store, second)).value, new Uint8Array([2]));
  });

  test("a failed commit discards the response", async () => {
    const { create, store } = world();
    const instance = create(
      actor({
        state: { writes: 0 },
        onRequest: (c) => {
          c.state.writes += 1;
          return new Response("done");
        },
      }),
    );
    await instance.ready;
    store.hold = true;
    const answered = instance.request({ request: request() });
    await turn();
    store.held[0]?.fail(new Error("disk full"));
    await assert.rejects(answered, code("internal", "internal_error"));
    assert.equal(await instance.stopped, "failed");
  });

  test("the timeout applies to the head, not to the body", async () => {
    const { create, ports } = world();
    const body = deferred();
    const seen: unknown[] = [];
    const instance = create(
      actor({
        options: { actionTimeout: 1_000 },
        onRequest: (c, { url }) => {
          if (url.endsWith("/never")) {
            c.abortSignal.addEventListener("abort", () => seen.push(c.abortSignal.reason));
            return new Promise<Response>(() => {});
          }
          return new Response(
            new ReadableStream({
              pull: async (controller) => {
                await body.promise;
                controller.enqueue(new Uint8Array([1]));
                controller.close();
              },
            }),
          );
        },
      }),
    );
    await instance.ready;
    const never = instance.request({ request: request("/never") });
    await turn();
    ports.advance(999);
    assert.equal(await outcome(never), "pending");
    ports.advance(1);
    await assert.rejects(never, code("actor", "action_timed_out"));
    assert.ok(isErrorCode(seen[0], "actor", "action_timed_out"));
    const slow = await instance.request({ request: request("/slow") });
    ports.advance(10_000);
    body.resolve();
    assert.deepEqual(new Uint8Array(await slow.arrayBuffer()), new Uint8Array([1]));
  });

  test("an open body keeps the actor awake until it ends or is cancelled", async () => {
    const { create, ports } = world();
    const instance = create(
      actor({
        options: { sleepTimeout: 1_000 },
        onRequest: () => new Response(new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(1)) })),
      }),
    );
    await instance.ready;
    const response = await instance.request({ request: request() });
    ports.advance(60_000);
    assert.equal(instance.status, "ready");
    await response.body?.cancel();
    ports.advance(1_000);
    assert.equal(await instance.stopped, "slept");
  });

  test("a request during the grace period of a sleep waits for the next instance, unless it opts out", async () => {
    const { create } = world();
    const sleeping = deferred();
    const instance = create(
      actor({
        onSleep: () => sleeping.promise,
        onRequest: () => new Response("served"),
      }),
    );
    await instance.ready;
    const stopped = instance.sleep();
    await assert.rejects(instance.request({ request: request() }), code("actor", "stopping"));
    const served = await instance.request({ request: request(), skipReadyWait: true });
    assert.equal(await served.text(), "served");
    await assert.rejects(instance.openWebSocket(wire().call), code("actor", "websocket_not_defined"));
    sleeping.resolve();
    await stopped;
    await assert.rejects(
      instance.request({ request: request(), skipReadyWait: true }),
      code("actor", "stopping"),
    );
  });

  test("a request during the grace period of a stop has a connection with hooks like any other", async () => {
    const { create, ports } = world();
    const sleeping = deferred();
    const seen: string[] = [];
    const instance = create(
      actor({
        onSleep: () => sleeping.promise,
        onBeforeConnect: (_c, params: unknown) => {
          if (params !== "secret") throw new UserError("no", { code: "refused" });
        },
        createConnState: (_c, params: unknown) => ({ params }),
        onConnect: () => void seen.push("connect"),
        onDisconnect: () => void seen.push("disconnect"),
        onRequest: (c) => {
          const { auth, params, state } = c.conn;
          return Response.json({ auth, params, state, isKnown: c.conns.has(c.conn.id) });
        },
      }),
    );
    await instance.ready;
    const stopped = instance.sleep();
    const asked = (params: string) =>
      instance.request({ request: request(), params, auth: { user: 1 }, skipReadyWait: true });
    await assert.rejects(asked("wrong"), code("user", "refused"));
    assert.deepEqual(await (await asked("secret")).json(), {
      auth: { user: 1 },
      params: "secret",
      state: { params: "secret" },
      isKnown: true,
    });
    sleeping.resolve();
    assert.equal(await stopped, "slept");
    assert.deepEqual(seen, ["connect", "disconnect"]);
    assert.equal(ports.pendingTimers, 0);
  });

  test("a handler that exceeds the grace period is interrupted; one that has not started does not run", async () => {
    const { create, ports } = world();
    let runs = 0;
    const instance = create(
      actor({
        onRequest: (c) => {
          runs++;
          return c.blockConcurrencyWhile(() => new Promise<never>(() => {}));
        },
      }),
    );
    await instance.ready;
    const running = instance.request({ request: request() });
    await turn();
    const waiting = instance.request({ request: request() });
    const ended = Promise.all([
      assert.rejects(running, code("action", "interrupted")),
      assert.rejects(waiting, code("actor", "stopping")),
    ]);
    const stopped = instance.sleep();
    await turn();
    ports.advance(15_000);
    assert.equal(await stopped, "slept");
    await ended;
    assert.equal(runs, 1);
  });

  test("a rejected connection rejects the request; hooks see it", async () => {
    const { create } = world();
    const seen: string[] = [];
    const instance = create(
      actor({
        onBeforeConnect: (c, params) => {
          seen.push(`before ${c.request?.url} ${JSON.stringify(params)}`);
          if (params === "no") throw new Error("the password is hunter2");
        },
        onConnect: () => void seen.push("connect"),
        onDisconnect: () => void seen.push("disconnect"),
        onRequest: () => {
          seen.push("request");
          return new Response(null);
        },
      }),
    );
    await instance.ready;
    await instance.request({ request: request("/x"), params: 1 });
    await turn();
    assert.deepEqual(seen, ["before http://actor/x 1", "connect", "request", "disconnect"]);
    await assert.rejects(
      instance.request({ request: request(), params: "no" }),
      code("internal", "internal_error"),
    );
    assert.equal(seen.filter((each) => each === "request").length, 1);
  });
});

describe("raw WebSockets and the output gate", () => {
  test("output is sent after the preceding commit, in order", async () => {
    const { create, store } = world();
    const instance = create(
      actor({
        state: { count: 0 },
        onWebSocket: (c, websocket) => {
          websocket.addEventListener("message", (event) => {
            c.state.count += 1;
            websocket.send(`${event.data} ${c.state.count}`);
            assert.ok(websocket.bufferedAmount > 0);
          });
        },
        actions: { count: (c) => c.state.count },
      }),
    );
    await instance.ready;
    const { call: opened, sent } = wire();
    const host = await instance.openWebSocket(opened);
    store.hold = true;
    host.received("a");
    host.received("b");
    await turn();
    assert.deepEqual(sent, []);
    store.held.shift()?.land();
    await turn();
    assert.deepEqual(sent, ["a 1"]);
    store.held.shift()?.land();
    await turn();
    assert.deepEqual(sent, ["a 1", "b 2"]);
    store.hold = false;
    assert.equal(await call(instance, "count"), 2);
  });

  test("an open socket or a running handler keeps the actor awake", async () => {
    const { create, ports } = world();
    const handled = deferred();
    const instance = create(
      actor({
        options: { sleepTimeout: 1_000 },
        onWebSocket: (_c, websocket) => {
          websocket.addEventListener("close", () => handled.promise);
        },
      }),
    );
    await instance.ready;
    const host = await instance.openWebSocket(wire().call);
    ports.advance(60_000);
    assert.equal(instance.status, "ready");
    host.closed(1000, "", true);
    await turn();
    ports.advance(60_000);
    assert.equal(instance.status, "ready", "its close handler still runs");
    handled.resolve();
    await turn();
    ports.advance(1_000);
    assert.equal(await instance.stopped, "slept");
  });

  test("a message over the limit closes the socket", async () => {
    const { create } = world();
    const instance = create(
      actor({
        onWebSocket: (_c, websocket) => {
          websocket.send(new Uint8Array(32 * 1_048_576));
          websocket.send(new Uint8Array(32 * 1_048_576 + 1));
          websocket.send("after");
        },
      }),
    );
    await instance.ready;
    const { call: opened, sent } = wire();
    await instance.openWebSocket(opened);
    assert.equal(sent.length, 2);
    assert.deepEqual(sent[1], [1011, "message.outgoing_too_long"]);
  });
});

describe("raw requests and sockets with transactions and blocks", () => {
  const guarded = (hold: "transaction" | "block", started: () => void, go: Promise<void>) =>
    actor({
      state: { log: [] as string[] },
      onRequest: (c, incoming) => {
        c.state.log.push(new URL(incoming.url).pathname);
        return new Response("done");
      },
      onWebSocket: (c, socket) => {
        socket.addEventListener("message", ({ data }: { data: unknown }) => {
          c.state.log.push(String(data));
        });
      },
      onDisconnect: (c, conn) => {
        if (conn.params === "socket") c.state.log.push("left");
      },
      actions: {
        hold: async (c) => {
          const work = async (): Promise<void> => {
            started();
            await go;
            c.state.log.push("held");
            if (hold === "transaction") throw new Error("undone");
          };
          await (hold === "transaction" ? c.transaction(work) : c.blockConcurrencyWhile(work));
        },
        log: (c) => [...c.state.log],
      },
    });

  for (const hold of ["transaction", "block"] as const) {
    test(`none of their work starts during a ${hold}, and none is lost`, async () => {
      const { create } = world();
      const [started, go] = [deferred(), deferred()];
      const instance = create(guarded(hold, started.resolve, go.promise));
      await instance.ready;
      const { call: early } = wire();
      const socket = await instance.openWebSocket({ ...early, params: "socket" });
      const held = call(instance, "hold").catch(() => "failed");
      await started.promise;
      const answered = instance.request({ request: request("/request") });
      assert.equal(socket.received("one"), true);
      assert.equal(socket.received("two"), true);
      socket.closed(1000, "", true);
      const late = instance.openWebSocket(wire("/late").call);
      assert.equal(await outcome(Promise.race([answered, late])), "pending");
      go.resolve();
      assert.equal(await held, hold === "transaction" ? "failed" : undefined);
      assert.equal(await (await answered).text(), "done");
      await late;
      const rest = ["/request", "left", "one", "two"];
      const log = (await call(instance, "log")) as string[];
      assert.deepEqual(
        log.toSorted(),
        hold === "transaction" ? rest : [...rest.slice(0, 1), "held", ...rest.slice(1)],
      );
      assert.ok(log.indexOf("one") < log.indexOf("two"));
      assert.ok(log.indexOf("two") < log.indexOf("left"));
    });
  }

  test("a transaction waits for a running handler, and a handler may run its own", async () => {
    const { create } = world();
    const [reached, go] = [deferred(), deferred()];
    const instance = create(
      actor({
        state: { log: [] as string[] },
        onRequest: async (c, incoming) => {
          if (new URL(incoming.url).pathname === "/own") {
            await c.transaction(() => void c.state.log.push("own"));
            return new Response();
          }
          c.state.log.push("begins");
          reached.resolve();
          await go.promise;
          c.state.log.push("ends");
          return new Response();
        },
        actions: {
          undone: (c) =>
            c.transaction(() => {
              c.state.log.push("undone");
              throw new Error("undone");
            }),
          log: (c) => [...c.state.log],
        },
      }),
    );
    await instance.ready;
    const slow = instance.request({ request: request() });
    await reached.promise;
    const undone = call(instance, "undone");
    assert.equal(await outcome(undone), "pending");
    go.resolve();
    await slow;
    await assert.rejects(undone);
    await instance.request({ request: request("/own") });
    assert.deepEqual(await call(instance, "log"), ["begins", "ends", "own"]);
  });

  test("a body continues after the transaction of another caller, successful or not", async () => {
    const { create } = world();
    const pieces = [deferred(), deferred()];
    const instance = create(
      actor({
        onRequest: () => {
          const encoder = new TextEncoder();
          const body = new ReadableStream<Uint8Array>({
            async start(controller) {
              for (const [n, piece] of pieces.entries()) {
                await piece.promise;
                controller.enqueue(encoder.encode(`${n}`));
              }
              controller.close();
            },
          });
          return new Response(body);
        },
        actions: {
          hold: (c, fails: boolean) =>
            c.transaction(async () => {
              pieces[fails ? 1 : 0]?.resolve();
              await turn();
              if (fails) throw new Error("undone");
            }),
        },
      }),
    );
    await instance.ready;
    const response = await instance.request({ request: request() });
    const text = response.text();
    await call(instance, "hold", false);
    await assert.rejects(call(instance, "hold", true));
    assert.equal(await text, "01");
  });

  test("a serial actor runs one handler at a time", async () => {
    const { create } = world();
    let [inside, most] = [0, 0];
    const instance = create(
      actor({
        options: { concurrency: "serial" },
        onRequest: async () => {
          most = Math.max(most, ++inside);
          await turn();
          inside--;
          return new Response();
        },
        actions: {
          work: async () => {
            most = Math.max(most, ++inside);
            await turn();
            inside--;
          },
        },
      }),
    );
    await instance.ready;
    const requests = [1, 2, 3].map(() => instance.request({ request: request() }));
    await Promise.all([...requests, call(instance, "work")]);
    assert.equal(most, 1);
  });

  test("a request that is cancelled while waiting does not run", async () => {
    const { create } = world();
    const [started, go] = [deferred(), deferred()];
    const instance = create(guarded("block", started.resolve, go.promise));
    await instance.ready;
    const held = call(instance, "hold");
    await started.promise;
    const leaves = new AbortController();
    const answered = instance.request({ request: request("/gone"), signal: leaves.signal });
    leaves.abort();
    await assert.rejects(answered, code("action", "aborted"));
    go.resolve();
    await held;
    await turn();
    assert.deepEqual(await call(instance, "log"), ["held"]);
  });
});
