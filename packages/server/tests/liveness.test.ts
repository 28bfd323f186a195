import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import { createClient } from "@holdfast/client";
import { isErrorCode, type Ports, systemPorts } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { allActors } from "@holdfast/testing/actors";
import { createRegistry } from "../src/index.ts";
import { serverLimits } from "../src/limits.ts";
import { Condition, cuttableProxy, serve } from "./support.ts";

test("a socket that does not answer a ping in time is dropped, one that does stays", async (t) => {
  const system = systemPorts();
  const timers = { interval: [] as (() => void)[], timeout: [] as (() => void)[] };
  const ports: Ports = {
    ...system,
    tasks: {
      ...system.tasks,
      after: (delayMs, fn) => {
        const list = delayMs === 4_321 ? timers.interval : delayMs === 1_234 ? timers.timeout : undefined;
        if (list === undefined) return system.tasks.after(delayMs, fn);
        list.push(fn);
        return { cancel: () => undefined };
      },
    },
  };
  const echo = actor({
    options: { connectionLivenessInterval: 4_321, connectionLivenessTimeout: 1_234 },
    actions: { same: (_c, value: unknown) => value },
  });
  const registry = createRegistry({ use: { echo }, ports, store: () => createMemoryStore({ ports }) });
  t.after(() => registry.shutdown());
  const { port } = await registry.listen({ port: 0 });
  const run = (fns: (() => void)[]): void => {
    for (const fn of fns.splice(0)) fn();
  };
  const open = (
    answers: boolean,
  ): Promise<{ readonly pinged: Condition; state: { pings: number; closed: boolean } }> =>
    new Promise((resolve) => {
      const pinged = new Condition();
      const state = { pings: 0, closed: false };
      const socket = connect(port, "127.0.0.1");
      t.after(() => socket.destroy());
      socket.on("close", () => {
        state.closed = true;
        pinged.changed();
      });
      socket.on("error", () => undefined);
      socket.on("data", (chunk: Buffer) => {
        if (chunk.includes("101 Switching")) return resolve({ pinged, state });
        if (chunk[0] !== 0x89) return;
        state.pings += 1;
        pinged.changed();
        if (answers) socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
      });
      socket.write(
        "GET /actors/echo/@,/connect?create=true HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\n" +
          "connection: Upgrade\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
          "sec-websocket-protocol: holdfast.v1\r\n\r\n",
      );
    });
  const silent = await open(false);
  const lively = await open(true);
  run(timers.interval);
  await silent.pinged.until(() => silent.state.pings === 1);
  await lively.pinged.until(() => lively.state.pings === 1);
  // The pong of the lively one is on its way: a round trip behind it shows that it has arrived.
  assert.equal((await fetch(`http://127.0.0.1:${port}/health`)).status, 200);
  run(timers.timeout);
  await silent.pinged.until(() => silent.state.closed);
  while (timers.interval.length === 0) await new Promise((resolve) => setImmediate(resolve));
  run(timers.interval);
  await lively.pinged.until(() => lively.state.pings === 2);
  assert.equal(lively.state.closed, false);
});

for (const [interval, timeout] of [
  [0, 2_500],
  [5_000, 0],
  [0, 0],
] as const) {
  test(`a liveness of 0 is for no pings: interval ${interval}, timeout ${timeout}`, async (t) => {
    const system = systemPorts();
    const delays: number[] = [];
    const ports: Ports = {
      ...system,
      tasks: {
        ...system.tasks,
        after: (delayMs, fn) => {
          delays.push(delayMs);
          return system.tasks.after(delayMs, fn);
        },
      },
    };
    const echo = actor({
      options: { connectionLivenessInterval: interval, connectionLivenessTimeout: timeout },
      actions: { same: (_c, value: unknown) => value },
    });
    const registry = createRegistry({ use: { echo }, ports, store: () => createMemoryStore({ ports }) });
    t.after(() => registry.shutdown());
    const { url } = await registry.listen({ port: 0 });
    const client = createClient<typeof registry>({ endpoint: url });
    t.after(() => client.dispose());
    const conn = client.echo.getOrCreate("a").connect();
    assert.equal(await conn.same(1), 1);
    assert.ok(!delays.includes(interval), `no timer for pings: ${delays}`);
    const leave = new AbortController();
    const events = await fetch(`${url}/actors/echo/@,/events?event=any&create=true`, {
      signal: leave.signal,
    });
    assert.equal(events.status, 200);
    // A stream goes on with its comments for the proxies on the way, as often as without these options.
    const comments = interval === 0 ? serverLimits.heartbeatMs : interval;
    assert.deepEqual([delays.includes(comments), delays.includes(0)], [true, false]);
    leave.abort();
  });
}

test("a connection from which nothing comes back is made anew", async (t) => {
  const counter = actor({
    options: { connectionLivenessInterval: 100, connectionLivenessTimeout: 100 },
    state: { count: 0 },
    actions: {
      increment: (c, by: number) => {
        c.state.count += by;
        return c.state.count;
      },
    },
  });
  const { listening, client } = await serve(t, { counter });
  const proxy = await cuttableProxy(t, listening.port);
  const conn = client({ endpoint: proxy.url }).counter.getOrCreate("a").connect();
  assert.equal(await conn.increment(1), 1);
  const changed = new Condition();
  conn.onStatusChange(() => changed.changed());
  proxy.swallowReplies();
  await changed.until(() => conn.connStatus === "disconnected");
  proxy.cut();
  await changed.until(() => conn.connStatus === "connected");
  assert.equal(await conn.increment(1), 2);
  await conn.dispose();
});

test("a caller without a key that goes away cancels its call, one with a key does not", async (t) => {
  const changed = new Condition();
  const seen = { started: 0, aborted: 0 };
  const waiter = actor({
    actions: {
      wait: (c) =>
        new Promise<void>((resolve) => {
          seen.started += 1;
          c.abortSignal.addEventListener("abort", () => {
            seen.aborted += 1;
            resolve();
            changed.changed();
          });
          changed.changed();
        }),
    },
  });
  const { url } = await serve(t, { waiter });
  const path = `${url}/actors/waiter/@,`;
  const keyed = new AbortController();
  const headers = { "idempotency-key": "k1" };
  const first = fetch(`${path}/actions/wait?create=true`, { method: "POST", headers, signal: keyed.signal });
  await changed.until(() => seen.started === 1);
  keyed.abort();
  await assert.rejects(first);
  const unkeyed = new AbortController();
  const second = fetch(`${path}/actions/wait`, { method: "POST", signal: unkeyed.signal });
  await changed.until(() => seen.started === 2);
  unkeyed.abort();
  await assert.rejects(second);
  await changed.until(() => seen.aborted === 1);
  // The keyed one still runs: a retry joins it, and a request of its own ends it.
  const retry = fetch(`${path}/actions/wait`, { method: "POST", headers });
  const cancelled = await fetch(`${path}/calls/k1`, { method: "DELETE" });
  assert.equal(cancelled.status, 204);
  await changed.until(() => seen.aborted === 2);
  assert.ok((await retry).status === 200 || (await retry).status === 499);
  assert.equal(seen.started, 2);
});

test("the limits of messages can be raised, for every way in", async (t) => {
  const { client, registry } = await serve(t, allActors, { gateway: { maxIncomingMessageBytes: 200_000 } });
  const text = "x".repeat(150_000);
  const raised = client({ maxMessageBytes: 200_000 }).echo.getOrCreate();
  assert.equal(await raised.size(text), text.length);
  const conn = raised.connect();
  assert.equal(await conn.size(text), text.length);
  await conn.dispose();
  assert.equal(await registry.client.echo.getOrCreate().size(text), text.length);
  await assert.rejects(client().echo.getOrCreate().size(text), (error) =>
    isErrorCode(error, "message", "incoming_too_long"),
  );
});
