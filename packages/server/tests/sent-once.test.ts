import assert from "node:assert/strict";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import type { Registry } from "../src/index.ts";
import { Condition, cuttableProxy, serve } from "./support.ts";

const counter = actor({
  state: { count: 0 },
  actions: { add: (c) => ++c.state.count, count: (c) => c.state.count },
});

/** Writes nothing of its own: only what it sends tells how often an action has run. */
function senders() {
  const ran = { leave: 0, forward: 0, tell: 0 };
  const changed = new Condition();
  let socket: { send(data: string): void } | undefined;
  const sender = actor({
    onWebSocket: (_c, websocket) => {
      socket = websocket;
      changed.changed();
    },
    actions: {
      here: () => true,
      leave: (c) => {
        ran.leave++;
        void c.conn.disconnect();
        return "left";
      },
      forward: async (c) => {
        ran.forward++;
        const count = await c.client<Registry<{ counter: typeof counter }>>().counter.getOrCreate("c").add();
        changed.changed();
        return count;
      },
      tell: () => {
        ran.tell++;
        socket?.send("told");
        changed.changed();
        return ran.tell;
      },
    },
  });
  return { use: { sender, counter }, ran, changed, isOpen: () => socket !== undefined };
}

test("an action that ends its own connection runs once; the answer finds the client when it is back", async (t) => {
  const { use, ran } = senders();
  const { client, registry } = await serve(t, use);
  for (const actors of [client(), registry.client]) {
    ran.leave = 0;
    const connection = actors.sender.getOrCreate("a").connect();
    assert.equal(await connection.leave(), "left");
    assert.equal(ran.leave, 1);
    await connection.dispose();
  }
});

test("an answer that is lost after another actor was called, or a socket was written to, is found again", async (t) => {
  const { use, ran, changed, isOpen } = senders();
  const { client, listening, registry } = await serve(t, use);
  const proxy = await cuttableProxy(t, listening.port);
  const connection = client({ endpoint: proxy.url }).sender.getOrCreate("a").connect();
  await connection.ready;
  proxy.swallowReplies();
  const forwarded = connection.forward();
  await changed.until(() => ran.forward > 0);
  assert.equal(await registry.client.sender.getOrCreate("a").here(), true);
  proxy.cut();
  assert.equal(await forwarded, 1);
  assert.deepEqual([ran.forward, await client().counter.get("c").count()], [1, 1]);

  const socket = await client().sender.getOrCreate("a").webSocket("/");
  await changed.until(isOpen);
  proxy.swallowReplies();
  const told = connection.tell();
  await changed.until(() => ran.tell > 0);
  proxy.cut();
  assert.deepEqual([await told, ran.tell], [1, 1]);
  socket.close();
  await connection.dispose();
});
