import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { actor, queue } from "@holdfast/actors";
import { decode } from "@holdfast/client";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { faultyStore } from "@holdfast/testing";
import { actorsOf } from "@holdfast/testing/backends";
import { inspected } from "./inspector-actors.ts";
import { Condition, serve } from "./support.ts";

// biome-ignore lint/suspicious/noExplicitAny: what a test reads of a frame it asserts.
type Frame = any;

/** A WebSocket to an inspector, and what came over it. */
function watch(t: TestContext, url: string, actor: string, protocols: string[] = [], headers = {}) {
  const options = { protocols: ["holdfast.inspector.v1", ...protocols], headers };
  // Node takes an object here as well, which the types of browsers do not know.
  const socket = new WebSocket(
    `${url.replace("http", "ws")}/actors/${actor}/inspector/connect`,
    options as unknown as string[],
  );
  const frames: Frame[] = [];
  const seen = new Condition();
  let closed: { code: number; reason: string } | undefined;
  socket.onmessage = ({ data }) => {
    frames.push(decode("json", String(data), 1_010));
    seen.changed();
  };
  socket.onclose = ({ code, reason }) => {
    closed = { code, reason };
    seen.changed();
  };
  t.after(() => socket.close());
  const next = async (type: string, fits: (frame: Frame) => boolean = () => true): Promise<Frame> => {
    const find = (): number => frames.findIndex((frame) => frame.type === type && fits(frame));
    await seen.until(() => find() !== -1 || closed !== undefined);
    assert.notEqual(find(), -1, `closed with ${JSON.stringify(closed)}`);
    return frames.splice(0, find() + 1).at(-1);
  };
  const end = async () => {
    await seen.until(() => closed !== undefined);
    return closed;
  };
  return { socket, next, end };
}

test("changes come as they are durable: state, queue, schedules, connections, events, logs", async (t) => {
  const { url, client } = await serve(t, inspected);
  const handle = client().shop.getOrCreate("a");
  await handle.add(1);
  const { next, socket } = watch(t, url, "shop/@a,");
  const { version, summary } = await next("init");
  assert.deepEqual([version, summary.state.count], [1, 1]);
  await handle.add(1);
  assert.deepEqual((await next("event")).args, [2]);
  assert.equal((await next("state")).state.count, 2);
  await handle.plan();
  assert.equal((await next("schedules")).schedules.length, 2);
  const conn = handle.connect();
  t.after(() => conn.dispose());
  await next("connections", ({ connections }) => connections.length === 1);
  await conn.dispose();
  await next("connections", ({ connections }) => connections.length === 0);
  const body = { name: "orders", body: { item: "tea" } };
  socket.send(JSON.stringify({ type: "request", id: 7, method: "POST", path: "/queue", body }));
  const { id, status } = await next("response");
  assert.deepEqual([id, status], [7, 200]);
  assert.equal((await next("queue")).queueSize, 1);
  await handle.add(1);
  assert.equal((await next("log")).records[0].message, "counted");
});

test("it asks for anything over the socket, and bad frames are errors", async (t) => {
  const { url, client } = await serve(t, inspected);
  await client().shop.getOrCreate("a").add(1);
  const { next, socket } = watch(t, url, "shop/@a,");
  await next("init");
  const ask = async (frame: object) => {
    socket.send(JSON.stringify({ type: "request", id: 1, ...frame }));
    return next("response");
  };
  assert.deepEqual((await ask({ method: "GET", path: "/kv?limit=1" })).body, { entries: [] });
  assert.equal((await ask({ method: "GET", path: "/none" })).status, 404);
  assert.equal((await ask({ method: "POST", path: "/action/refuse" })).body.code, "refused");
  for (const text of ["{", "[]", "1", '{"type":"request","id":"x","method":"GET","path":"/state"}']) {
    socket.send(text);
    assert.equal((await next("error")).group, "message", text);
  }
});

test("a workflow is seen to go on", async (t) => {
  const { url, client } = await serve(t, inspected);
  await client().order.getOrCreate("1").steps();
  const { next, socket } = watch(t, url, "order/@1,");
  await next("init", ({ summary }) => summary.isWorkflowEnabled);
  socket.send(JSON.stringify({ type: "request", id: 1, method: "POST", path: "/workflow/replay", body: {} }));
  await next("workflow", ({ workflowState }) => workflowState === "completed");
});

test("the watcher stays while the actor sleeps, is told of its wake and of its end", async (t) => {
  const { url, client, registry } = await serve(t, inspected);
  const handle = client().shop.getOrCreate("a");
  await handle.add(1);
  const { next, end } = watch(t, url, "shop/@a,");
  await next("init");
  await (await actorsOf(registry)).sleep(await handle.resolve());
  assert.equal((await next("status")).status, "sleeping");
  await handle.add(1);
  const again = await next("init");
  // The call that woke it may come before or after what the watcher gets first.
  const { state } = again.summary.state.count === 2 ? again.summary : await next("state");
  assert.equal(state.count, 2);
  await client().shop.destroy("a");
  assert.equal((await next("status")).status, "destroyed");
  assert.deepEqual(await end(), { code: 1000, reason: "actor.destroyed" });
});

test("strangers see a close with its reason; the token lets in", async (t) => {
  const { url, client } = await serve(t, inspected, { gateway: { inspector: { token: "secret" } } });
  await client().shop.getOrCreate("a").add(1);
  const refused = { code: 1008, reason: "inspector.unauthorized" };
  assert.deepEqual(await watch(t, url, "shop/@a,").end(), refused);
  const encoded = (token: string) => [`holdfast.token.${Buffer.from(token).toString("base64url")}`];
  assert.deepEqual(await watch(t, url, "shop/@a,", encoded("guess")).end(), refused);
  await watch(t, url, "shop/@a,", encoded("secret")).next("init");
  const bearer = { authorization: "Bearer secret" };
  await watch(t, url, "shop/@a,", [], bearer).next("init");
  const missing = await watch(t, url, "shop/@none,", [], bearer).end();
  assert.deepEqual(missing, { code: 1008, reason: "actor.not_found" });
});

test("what cannot be read for a moment keeps nothing else from the watcher", async (t) => {
  const ports = systemPorts();
  const store = faultyStore(createMemoryStore({ ports }));
  const waiting = actor({
    state: { count: 0 },
    queues: { jobs: queue<string>() },
    actions: { add: (c) => ++c.state.count },
  });
  const registry = createRegistry({ use: { waiting }, ports, store: () => store });
  t.after(() => registry.shutdown());
  const { url } = await registry.listen({ port: 0 });
  const handle = registry.client.waiting.getOrCreate("a");
  await handle.resolve();
  const { next } = watch(t, url, "waiting/@a,");
  await next("init");
  // So long that it is read when it is shown.
  await handle.send("jobs", "x".repeat(10_000));
  store.plan({ operation: "kvGet", nth: store.calls("kvGet") + 1, when: "before" });
  await handle.add();
  assert.equal((await next("error")).code, "unavailable");
  assert.equal((await next("state")).state.count, 1);
});
