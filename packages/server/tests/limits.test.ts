import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { actor, event } from "@holdfast/actors";
import type { ActorConn } from "@holdfast/client";
import { encodeValue, HoldfastError, limits, systemPorts } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { createRegistry, serverLimits } from "../src/index.ts";
import { Condition, serve } from "./support.ts";

const sized = actor({
  options: { maxQueueSize: 10 },
  events: { came: event<string>() },
  createState: (_c, input: string | undefined) => ({ length: input?.length ?? 0 }),
  onRequest: async (_c, request) => new Response(String((await request.arrayBuffer()).byteLength)),
  actions: {
    none: () => null,
    depth: (_c, _value: unknown) => null,
    // The head of a text of more than 64 KiB takes five bytes.
    answer: (_c, size: number) => "x".repeat(size - 5),
    tell: (c, size: number) => c.broadcast("came", "x".repeat(size - 6)),
    hold: (c) => new Promise((resolve) => c.abortSignal.addEventListener("abort", resolve)),
  },
});
const use = { sized };

async function codeOf(promise: Promise<unknown>): Promise<string | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    assert.ok(error instanceof HoldfastError, String(error));
    return `${error.group}.${error.code}`;
  }
}

/** At the limit and one below it works, one above it is the error. */
async function upTo(
  limit: number,
  attempt: (size: number) => Promise<unknown>,
  expected: string,
): Promise<void> {
  assert.equal(await codeOf(attempt(limit - 1)), undefined);
  assert.equal(await codeOf(attempt(limit)), undefined);
  assert.equal(await codeOf(attempt(limit + 1)), expected);
}

test("names of actors: 1 to 64 characters", async () => {
  const register = async (length: number): Promise<unknown> => {
    const registry = createRegistry({
      use: { ["n".repeat(length)]: sized },
      store: () => createMemoryStore({ ports: systemPorts() }),
    });
    return registry.shutdown();
  };
  await upTo(limits.maxActorNameLength, register, "actor.invalid_name");
  assert.equal(await codeOf(register(1)), undefined);
  assert.equal(await codeOf(register(0)), "actor.invalid_name");
});

for (const transport of ["http", "connection", "in process"] as const) {
  describe(`limits over ${transport}`, () => {
    test("of keys, of calls, of what is in them", async (t) => {
      const { registry, client } = await serve(t, use);
      const actors = transport === "in process" ? registry.client : client();
      const handle = actors.sized.getOrCreate("a");
      const connections: ActorConn<typeof sized>[] = [];
      const caller = transport === "connection" ? handle.connect() : handle;
      if (transport === "connection") connections.push(caller as ActorConn<typeof sized>);
      const key = async (key: string[]): Promise<unknown> => actors.sized.getOrCreate(key).none();
      await upTo(limits.maxKeyComponentBytes, (size) => key(["k".repeat(size)]), "actor.key_too_long");
      const whole = (size: number): string[] => [
        ...Array.from({ length: 9 }, () => "k".repeat(100)),
        "k".repeat(size - 900),
      ];
      await upTo(limits.maxKeyBytes, (size) => key(whole(size)), "actor.key_too_long");
      const call = (idempotencyKey: string): Promise<unknown> =>
        caller.action({ name: "none", idempotencyKey });
      await upTo(
        limits.maxIdempotencyKeyLength,
        (size) => call("k".repeat(size)),
        "message.invalid_idempotency_key",
      );
      const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
      await upTo(limits.maxDepth, (depth) => caller.depth(nested(depth)), "message.too_deep");
      await upTo(
        limits.maxOutgoingMessageBytes,
        (size) => caller.answer(size) as Promise<unknown>,
        "message.outgoing_too_long",
      );
      assert.equal(await caller.none(), null, "and goes on");
      for (const connection of connections) await connection.dispose();
    });
  });
}

test("events: one that is too long ends the connections that would get it", async (t) => {
  const { client } = await serve(t, use);
  const connection = client().sized.getOrCreate("a").connect();
  const changed = new Condition();
  let heard = 0;
  let closed = 0;
  connection.on("came", () => {
    heard++;
    changed.changed();
  });
  connection.onClose(() => {
    closed++;
    changed.changed();
  });
  const errors: string[] = [];
  connection.onError((error) => {
    errors.push(`${error.group}.${error.code}`);
  });
  await connection.ready;
  await connection.tell(limits.maxOutgoingMessageBytes);
  await changed.until(() => heard === 1);
  assert.equal(closed, 0);
  const told = connection.tell(limits.maxOutgoingMessageBytes + 1);
  await changed.until(() => closed === 1);
  assert.equal(heard, 1);
  // The call is sent again with its key, and answered; it does not send the event again.
  await told;
  assert.equal(closed, 1);
  assert.deepEqual(errors, ["message.outgoing_too_long"]);
  assert.equal(await connection.none(), null, "it comes back by itself");
  await connection.dispose();
});

test("inputs of new actors", async (t) => {
  const { registry, client } = await serve(t, use);
  const overhead = encodeValue("x".repeat(100_000)).length - 100_000;
  for (const [name, actors] of [
    ["network", client()],
    ["process", registry.client],
  ] as const) {
    const make = (size: number): Promise<unknown> =>
      actors.sized.create([name, `${size}`], { input: "x".repeat(size - overhead) });
    assert.equal(await codeOf(make(limits.maxInputBytes - 1)), undefined);
    assert.equal(await codeOf(make(limits.maxInputBytes)), undefined);
    assert.equal(await codeOf(make(limits.maxInputBytes + 17)), "message.incoming_too_long");
  }
});

test("subscriptions and calls of one connection", async (t) => {
  const { client } = await serve(t, use);
  const connection = client().sized.getOrCreate("a").connect();
  const refused: string[] = [];
  connection.onError((error) => {
    refused.push(`${error.group}.${error.code}`);
  });
  const closed = new Promise<void>((resolve) => connection.onClose(resolve));
  const listen = connection.on as (name: string, callback: () => void) => () => void;
  for (let i = 0; i < serverLimits.maxSubscriptions; i++) listen(`event-${i}`, () => undefined);
  await connection.ready;
  assert.equal(await connection.none(), null);
  assert.deepEqual(refused, []);
  listen("one-more", () => undefined);
  await closed;
  assert.deepEqual(refused, ["conn.too_many_subscriptions"], "it is told once");
  await connection.dispose();
});

test("a body for onRequest", async (t) => {
  const { client } = await serve(t, use, { gateway: { maxRequestBodyBytes: 100_000 } });
  const handle = client().sized.getOrCreate("a");
  for (const size of [99_999, 100_000]) {
    const response = await handle.fetch("/", { method: "POST", body: new Uint8Array(size) });
    assert.equal(await response.text(), String(size));
  }
  const refused = await handle.fetch("/", { method: "POST", body: new Uint8Array(100_001) });
  assert.equal(refused.status, 413);
});
