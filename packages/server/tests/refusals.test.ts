/** Refusals that callers see alike over HTTP and over a connection, and handles that are refused as a whole. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { actor, event } from "@holdfast/actors";
import { HoldfastError, type StandardSchema } from "@holdfast/core";
import { serve } from "./support.ts";

const positive: StandardSchema<unknown, { n: number }> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) =>
      (value as { n: number }).n >= 0
        ? { value: value as { n: number } }
        : { issues: [{ message: "n is negative", path: ["n"] }] },
  },
};

const counter = actor({
  stateSchema: positive,
  state: { n: 1 },
  events: { changed: event<number>() },
  actions: {
    get: (c) => c.state.n,
    set: (c, n: number) => {
      c.state.n = n;
      c.broadcast("changed", n);
      return n;
    },
    teapot: () => {
      throw new HoldfastError("actor", "teapot", "Short and stout", { statusCode: 418 });
    },
  },
});

test("a call whose change stateSchema refuses fails over each transport; the connection comes back", async (t) => {
  const { client, registry } = await serve(t, { counter });
  const handle = client().counter.getOrCreate("a");
  const connection = handle.connect();
  t.after(() => connection.dispose());
  const heard: number[] = [];
  const waiting = Promise.withResolvers<void>();
  connection.on("changed", (n) => {
    heard.push(n);
    if (n === 3) waiting.resolve();
  });
  assert.equal(await connection.set(2), 2);
  for (const caller of [handle, connection, registry.client.counter.get("a")]) {
    await assert.rejects(caller.set(-1), {
      group: "actor",
      code: "invalid_state",
      statusCode: 500,
      metadata: { issues: [{ message: "n is negative", path: ["n"] }] },
    });
    assert.equal(await caller.get(), 2);
  }
  assert.equal(await connection.set(3), 3);
  await waiting.promise;
  assert.deepEqual(heard, [2, 3]);
});

test("an error has its status over a connection too", async (t) => {
  const { client } = await serve(t, { counter });
  const handle = client().counter.getOrCreate("a");
  const connection = handle.connect();
  t.after(() => connection.dispose());
  for (const caller of [handle, connection]) {
    await assert.rejects(caller.teapot(), { code: "teapot", statusCode: 418 });
  }
});

test("a handle with a key that is refused says so at each use, and a connection ends with it", async (t) => {
  const { client } = await serve(t, { counter });
  const handle = client().counter.getOrCreate(["k".repeat(129)]);
  const refused = { group: "actor", code: "key_too_long" };
  await assert.rejects(handle.get(), refused);
  await assert.rejects(handle.resolve(), refused);
  await assert.rejects(handle.fetch("/"), refused);
  await assert.rejects(handle.webSocket("/"), refused);
  await assert.rejects(handle.getGatewayUrl(), refused);
  await assert.rejects(handle.reload(), refused);
  const connection = handle.connect();
  const told = new Promise((resolve) => connection.onError(resolve));
  await assert.rejects(connection.get(), refused);
  await assert.rejects(connection.ready, refused);
  assert.equal(((await told) as HoldfastError).code, "key_too_long");
  assert.equal(connection.connStatus, "disconnected");
  await connection.dispose();
});
