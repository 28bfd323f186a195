import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor, event } from "@holdfast/actors";
import type { ServerFrame } from "@holdfast/client";
import { systemPorts } from "@holdfast/core";
import { embeddedOnly } from "@holdfast/testing/backends";
import { serverLimits } from "../src/limits.ts";
import { LocalDriver } from "../src/local/local-driver.ts";
import { Condition, cuttableProxy, serve } from "./support.ts";

/** An actor whose `canSubscribe` answers when a test says so. */
function asking() {
  const asked: PromiseWithResolvers<boolean>[] = [];
  const changed = new Condition();
  const definition = actor({
    events: {
      slow: event<number>({
        canSubscribe: () => {
          const answer = Promise.withResolvers<boolean>();
          asked.push(answer);
          changed.changed();
          return answer.promise;
        },
      }),
    },
    options: { sleepGracePeriod: 20 },
    actions: {
      say: (c, value: number) => c.broadcast("slow", value),
      nap: (c) => c.sleep(),
      ping: () => "pong",
    },
  });
  /** Resolves with the question of that number, from 1. */
  const question = async (number: number): Promise<PromiseWithResolvers<boolean>> => {
    await changed.until(() => asked.length >= number);
    const found = asked[number - 1];
    assert.ok(found);
    return found;
  };
  return { definition, question };
}

for (const way of ["websocket", "in process"] as const) {
  describe(`canSubscribe takes its time, ${way}`, () => {
    test("what the client sends after a subscription waits for its answer", async (t) => {
      const { definition, question } = asking();
      const running = await serve(t, { asker: definition });
      const client = way === "in process" ? running.registry.client : running.client();
      const handle = client.asker.getOrCreate("a");
      const conn = handle.connect();
      const heard: number[] = [];
      await conn.ready;
      conn.on("slow", (value) => heard.push(value));
      const said = conn.say(1);
      const answer = await question(1);
      assert.equal(await handle.ping(), "pong", "others do not wait");
      answer.resolve(true);
      await said;
      await conn.ping();
      assert.deepEqual(heard, [1]);
      await conn.dispose();
    });

    test("the next instance answers what a sleep cut off, before what came after it", async (t) => {
      const { definition, question } = asking();
      const running = await serve(t, { asker: definition });
      const client = way === "in process" ? running.registry.client : running.client();
      const handle = client.asker.getOrCreate("a");
      const conn = handle.connect();
      const heard: number[] = [];
      await conn.ready;
      conn.on("slow", (value) => heard.push(value));
      const said = conn.say(1);
      const first = await question(1);
      await handle.nap();
      const second = await question(2);
      first.resolve(false);
      second.resolve(true);
      await said;
      await conn.ping();
      assert.deepEqual(heard, [1]);
      await conn.dispose();
    });
  });
}

for (const way of ["websocket", "in process"] as const) {
  test(`what is listened to before a connection is ready misses nothing after that, ${way}`, async (t) => {
    const gate = Promise.withResolvers<void>();
    const crier = actor({
      events: { said: event<number>(), given: event<number>() },
      actions: {
        wait: async (c) => {
          await gate.promise;
          c.broadcast("said", 1);
          c.broadcast("given", 1);
        },
        ping: () => "pong",
      },
    });
    const running = await serve(t, { crier });
    const client = way === "in process" ? running.registry.client : running.client();
    const handle = client.crier.getOrCreate("a");
    const waiting = handle.connect();
    await waiting.ping();
    const waited = waiting.wait();
    const conn = handle.connect();
    const heard: unknown[] = [];
    conn.on("said", (value) => heard.push(value));
    const off = conn.on("given", (value) => heard.push(value));
    conn.onStatusChange((status) => {
      // No frame of this client has been read by the server since.
      if (status === "connected") gate.resolve();
    });
    await conn.ready;
    await waited;
    await conn.ping();
    assert.deepEqual(heard, [1, 1]);
    off();
    await Promise.all([waiting.dispose(), conn.dispose()]);
  });
}

test("a subscription that was taken back before its answer is none", {
  skip: embeddedOnly("drives the sessions of its own directory"),
}, async (t) => {
  const { definition, question } = asking();
  const { registry } = await serve(t, { asker: definition });
  const directory = await registry.directory();
  const driver = new LocalDriver(async () => directory, systemPorts(), directory.messageLimits);
  const changed = new Condition();
  const frames: ServerFrame[] = [];
  const target = { type: "getOrCreate", name: "asker", key: ["a"] } as const;
  const link = driver.connect(target, undefined, {
    frame: (frame) => {
      frames.push(frame);
      changed.changed();
    },
    closed: () => undefined,
  });
  link.send(driver.prepare({ type: "subscribe", event: "slow" }));
  link.send(driver.prepare({ type: "unsubscribe", event: "slow" }));
  link.send(driver.prepare({ type: "call", id: 1, name: "say", args: [1], idempotencyKey: "k" }));
  (await question(1)).resolve(true);
  await changed.until(() => frames.some(({ type }) => type === "result"));
  assert.deepEqual(
    frames.map(({ type }) => type),
    ["init", "result"],
  );
  await link.close();
});

test("who comes back subscribes again to as many events as it had", async (t) => {
  const quiet = actor({ actions: { ping: () => "pong" } });
  const running = await serve(t, { quiet });
  const proxy = await cuttableProxy(t, running.listening.port);
  const client = running.client({ endpoint: proxy.url });
  const conn = client.quiet.getOrCreate("a").connect();
  const errors: string[] = [];
  conn.onError((error) => errors.push(`${error.group}.${error.code}`));
  const listen = conn.on as (name: string, callback: () => void) => () => void;
  for (let i = 0; i < serverLimits.maxSubscriptions; i++) listen(`event-${i}`, () => undefined);
  assert.equal(await conn.ping(), "pong");
  const { connId } = conn;
  proxy.cut();
  assert.equal(await conn.ping(), "pong");
  assert.notEqual(conn.connId, connId, "it was cut off");
  assert.equal(await conn.ping(), "pong");
  assert.deepEqual(errors, []);
  await conn.dispose();
});
