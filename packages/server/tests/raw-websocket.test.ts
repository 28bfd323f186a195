import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { rawActors, seen } from "@holdfast/testing/actors";
import { actorsOf } from "@holdfast/testing/backends";
import { WebSocket as NodeSocket } from "ws";
import { serve } from "./support.ts";

function next(socket: WebSocket): Promise<unknown> {
  return new Promise((resolve) => {
    socket.addEventListener("message", (event) => resolve(event.data), { once: true });
  });
}

function closed(socket: WebSocket): Promise<readonly [number, string]> {
  return new Promise((resolve) => {
    socket.addEventListener("close", (event) => resolve([event.code, event.reason]), { once: true });
  });
}

describe("raw WebSockets", () => {
  beforeEach(() => void seen.splice(0));

  for (const where of ["over the network", "in the process"] as const) {
    test(`events are kept until somebody listens, ${where}`, async (t) => {
      const { client, registry } = await serve(t, rawActors);
      const actors = where === "in the process" ? registry.client : client();
      const socket = await actors.sockets.getOrCreate("a").webSocket("/chat");
      await actors.sockets
        .get("a")
        .opened()
        .catch(() => undefined);
      // Long after it was opened and welcomed.
      assert.equal(await actors.sockets.getOrCreate("a").opened(), 1);
      await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
      assert.equal(socket.readyState, socket.OPEN);
      assert.deepEqual(JSON.parse(String(await next(socket))), {
        type: "welcome",
        opened: 1,
        path: "/websocket/chat",
      });
      socket.send("text");
      assert.equal(await next(socket), "text");
      socket.send(new Uint8Array([1, 2, 3]));
      assert.deepEqual(new Uint8Array((await next(socket)) as ArrayBuffer), new Uint8Array([1, 2, 3]));
      socket.send("conns");
      assert.equal(await next(socket), "1");
      socket.send("write");
      assert.equal(await next(socket), "written");
      const end = closed(socket);
      socket.send("close");
      assert.deepEqual(await end, [4001, "enough"]);
      assert.equal(socket.readyState, socket.CLOSED);
      assert.equal(await actors.sockets.getOrCreate("a").conns(), 0);
      // Also where the client has left the reason out of its answer to the close.
      assert.deepEqual(seen, ["close 4001 enough", "onDisconnect"]);
    });

    test(`who closes without a code has ended it normally, ${where}`, async (t) => {
      const { client, registry } = await serve(t, rawActors);
      const actors = where === "in the process" ? registry.client : client();
      const handle = actors.sockets.getOrCreate("a");
      const first = await handle.webSocket("/");
      const end = closed(first);
      first.send("close plainly");
      assert.deepEqual(await end, [1000, ""]);
      assert.equal(await handle.conns(), 0);
      assert.deepEqual(seen.splice(0), ["close 1000 ", "onDisconnect"]);
      const second = await handle.webSocket("/");
      const own = closed(second);
      second.close();
      await own;
      assert.equal(await handle.conns(), 0);
      assert.deepEqual(seen, ["close 1000 ", "onDisconnect"]);
    });

    test(`a throw of onWebSocket closes the socket with 1011, one of a listener does not, ${where}`, async (t) => {
      const { client, registry } = await serve(t, rawActors);
      const actors = where === "in the process" ? registry.client : client();
      const handle = actors.sockets.getOrCreate("a");
      assert.deepEqual(await closed(await handle.webSocket("/refuse")), [1011, "user.refused"]);
      assert.deepEqual(await closed(await handle.webSocket("/crash")), [1011, "internal.internal_error"]);
      const late = await handle.webSocket("/");
      const heard: unknown[] = [];
      const gone = closed(late);
      const last = new Promise<void>((resolve) => {
        late.addEventListener("message", ({ data }) => {
          heard.push(data);
          if (data === "still here") resolve();
        });
      });
      for (const text of ["throw", "throw at once", "still here"]) late.send(text);
      await Promise.race([last, gone]);
      assert.deepEqual(heard.slice(1), ["throw at once", "still here"]);
      assert.equal(late.readyState, WebSocket.OPEN);
      late.close();
      await gone;
      const none = await actors.plain.getOrCreate("a").webSocket();
      assert.deepEqual(await closed(none), [1011, "actor.websocket_not_defined"]);
      const absent = await actors.sockets.get("nobody").webSocket();
      assert.deepEqual(await closed(absent), [1011, "actor.not_found"]);
    });

    test(`a client's close reaches the actor, then onDisconnect, ${where}`, async (t) => {
      const { client, registry } = await serve(t, rawActors);
      const actors = where === "in the process" ? registry.client : client();
      const socket = await actors.sockets.getOrCreate("a").webSocket();
      await next(socket);
      assert.throws(() => socket.close(1011), { name: "InvalidAccessError" });
      assert.throws(() => socket.close(4000, "x".repeat(124)), { name: "SyntaxError" });
      socket.close(4002, "bye");
      assert.equal((await closed(socket))[0], 4002);
      while (seen.length < 2) await actors.sockets.getOrCreate("a").conns();
      assert.deepEqual(seen, ["close 4002 bye", "onDisconnect"]);
    });
  }

  for (const where of ["over the network", "in the process"] as const) {
    test(`a hibernating socket outlives its actor's sleeps, ${where}`, async (t) => {
      const { client, registry } = await serve(t, rawActors);
      const actors = where === "in the process" ? registry.client : client();
      const inMemory = await actorsOf(registry);
      const handle = actors.hibernating.getOrCreate("a", { params: { user: "ann" } });
      const socket = await handle.webSocket("/chat");
      socket.send("one");
      assert.equal(await next(socket), "one 1 ann 1 /websocket/chat");
      await handle.sleep();
      while (inMemory.size > 0) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(socket.readyState, socket.OPEN);
      socket.send("two");
      assert.equal(await next(socket), "two 2 ann 2 /websocket/chat");
      // What is sent while it goes to sleep wakes it again, in order.
      const answers: unknown[] = [];
      const all = new Promise<void>((resolve) => {
        socket.addEventListener("message", (event) => {
          if (answers.push(event.data) === 20) resolve();
        });
      });
      const slept = handle.sleep();
      for (let i = 0; i < 20; i++) socket.send(String(i));
      await Promise.all([slept, all]);
      assert.deepEqual(
        answers,
        Array.from({ length: 20 }, (_, i) => `${i} ${i + 3} ann ${i + 3} /websocket/chat`),
      );
      assert.equal(seen.filter((each) => each === "open").length, 1, "it has been open all the time");
      assert.equal(seen.filter((each) => each === "disconnect").length, 0);
      socket.close();
    });

    test(`a hibernating socket that is left during a sleep is told of at the next wake, ${where}`, async (t) => {
      const { client, registry } = await serve(t, rawActors);
      const actors = where === "in the process" ? registry.client : client();
      const inMemory = await actorsOf(registry);
      const handle = actors.hibernating.getOrCreate("a");
      const socket = await handle.webSocket("/chat");
      socket.send("one");
      await next(socket);
      await handle.sleep();
      while (inMemory.size > 0) await new Promise((resolve) => setImmediate(resolve));
      const end = closed(socket);
      socket.close(4000, "");
      await end;
      while (inMemory.hibernating > 0) await new Promise((resolve) => setImmediate(resolve));
      assert.equal(await handle.messages(), 1);
      assert.equal(inMemory.hibernating, 0);
      const plain = await handle.webSocket("/plain");
      const ended = closed(plain);
      await handle.sleep();
      assert.deepEqual(await ended, [1001, "actor.stopping"], "this one may not hibernate");
    });

    test(`what is sent at once arrives, ${where}`, async (t) => {
      const { client, registry } = await serve(t, rawActors);
      const actors = where === "in the process" ? registry.client : client();
      assert.equal(await next(await actors.stateless.getOrCreate("a").webSocket()), "hello");
    });
  }

  test("the client's first protocol is taken", async (t) => {
    const { client } = await serve(t, rawActors);
    const handle = client().sockets.getOrCreate("a", { params: { user: "ann" } });
    const socket = await handle.webSocket("/", ["graphql-ws", "other"]);
    await next(socket);
    assert.equal(socket.protocol, "graphql-ws");
    const without = await handle.webSocket("/");
    await next(without);
    assert.equal(without.protocol, "");
    socket.close();
    without.close();
  });

  test("any WebSocket client can use the gateway URL", async (t) => {
    const { client } = await serve(t, rawActors);
    const url = await client().sockets.getOrCreate("a").getGatewayUrl();
    const socket = new NodeSocket(`${url.replace("http", "ws")}/websocket/x/y?z=1`);
    const first = await new Promise<string>((resolve, reject) => {
      socket.on("message", (data) => resolve(String(data)));
      socket.on("error", reject);
    });
    assert.equal((JSON.parse(first) as { path: string }).path, "/websocket/x/y");
    socket.close();
  });

  test("an actor that sleeps closes its raw sockets with 1001, and its listeners hear of it", async (t) => {
    const { client } = await serve(t, rawActors);
    const handle = client().sockets.getOrCreate("a");
    const socket = await handle.webSocket();
    await next(socket);
    await handle.sleep();
    assert.deepEqual(await closed(socket), [1001, "actor.stopping"]);
    assert.equal(await handle.opened(), 1);
    assert.deepEqual(seen, ["close 1001 actor.stopping", "onDisconnect"]);
  });

  test("broadcasts and sends mean nothing to a raw socket", async (t) => {
    const { client } = await serve(t, rawActors);
    const handle = client().sockets.getOrCreate("a");
    const socket = await handle.webSocket();
    await next(socket);
    await handle.broadcast();
    socket.send("after");
    assert.equal(await next(socket), "after");
    socket.close();
  });

  test("a stranger is refused with a reason, and nothing is made", async (t) => {
    const { url, registry } = await serve(t, rawActors);
    const socket = new NodeSocket(`${url.replace("http", "ws")}/actors/sockets/~a,/websocket/`, {
      origin: "https://evil.example",
    });
    const end = await new Promise<readonly [number, string]>((resolve, reject) => {
      socket.on("close", (code, reason) => resolve([code, String(reason)]));
      socket.on("error", reject);
    });
    assert.deepEqual(end, [1008, "gateway.forbidden_origin"]);
    assert.equal((await actorsOf(registry)).size, 0);
  });
});
