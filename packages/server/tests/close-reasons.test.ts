import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { actor } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { serve } from "./support.ts";

const long = "ü".repeat(100);
/** As much of it as a close frame has room for. */
const shown = "ü".repeat(61);

const door = actor({
  state: { expelled: 0 },
  onWebSocket: (_c, socket) => socket.send("connected"),
  actions: {
    expel: (c, reason: string) => {
      c.state.expelled += 1;
      for (const conn of c.conns.values()) if (conn.id !== c.conn.id) void conn.disconnect(reason);
      return c.state.expelled;
    },
  },
});

/** A WebSocket to the actor of the key "", and how it ends. */
function opened(t: TestContext, url: string, path: string, protocols: string[]) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/actors/door/~,/${path}`, protocols);
  t.after(() => socket.close());
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.onclose = ({ code, reason }) => resolve({ code, reason });
  });
  return { socket, closed };
}

test("whoever is disconnected with a long reason hears the beginning of it, and the actor goes on", async (t) => {
  const { url, client } = await serve(t, { door });
  const handle = client().door.getOrCreate("");
  const { socket, closed } = opened(t, url, "connect", ["holdfast.v1", "holdfast.encoding.json"]);
  await new Promise((resolve) => {
    socket.onmessage = resolve;
  });
  assert.equal(await handle.expel(long), 1);
  assert.deepEqual(await closed, { code: 1000, reason: shown });
  assert.equal(await handle.expel("nobody"), 2);
});

test("so does one whose socket is a raw one", async (t) => {
  const { client } = await serve(t, { door });
  const handle = client().door.getOrCreate("");
  const socket = await handle.webSocket("/");
  const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve));
  // A socket is open before the actor has it.
  await new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }));
  assert.equal(await handle.expel(long), 1);
  assert.equal((await closed).reason, shown);
  assert.equal(await handle.expel("nobody"), 2);
});

test("a refusal with a long code is a close with the beginning of it", async (t) => {
  const refuse = (): never => {
    throw new HoldfastError("auth", long, "No");
  };
  const { url } = await serve(t, { door }, { gateway: { access: refuse, manage: refuse } });
  const reason = "auth.".concat("ü".repeat(59));
  for (const [path, protocol] of [
    ["connect", "holdfast.v1"],
    ["websocket/", "chat"],
    ["inspector/connect", "holdfast.inspector.v1"],
  ] as const) {
    const { closed } = opened(t, url, path, [protocol]);
    assert.deepEqual(await closed, { code: 1008, reason }, path);
  }
});
