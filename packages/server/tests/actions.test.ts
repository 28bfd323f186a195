import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Client } from "@holdfast/client";
import { isErrorCode } from "@holdfast/core";
import { allActors } from "@holdfast/testing/actors";
import type { Registry } from "../src/index.ts";
import { shareServer } from "./support.ts";

type AllClient = Client<Registry<typeof allActors>>;

const served = shareServer(allActors);

const value = {
  text: "ü 🎉 \u0000",
  big: 2n ** 70n,
  bytes: new Uint8Array([0, 255]),
  map: new Map<unknown, unknown>([["a", new Set([1, "b"])]]),
  date: new Date(1_700_000_000_000),
  nothing: undefined,
  list: [null, Number.NaN, -0, ["$BigInt", "1"]],
};

const clients = {
  cbor: (running: { client(config: object): AllClient }) => running.client({ encoding: "cbor" }),
  json: (running: { client(config: object): AllClient }) => running.client({ encoding: "json" }),
  bare: (running: { client(config: object): AllClient }) => running.client({ encoding: "bare" }),
  "in process": (running: { readonly registry: { readonly client: AllClient } }) => running.registry.client,
};

for (const [name, clientOf] of Object.entries(clients)) {
  describe(`actions, ${name}`, () => {
    test("get, getOrCreate, create, getForId and resolve address one actor", async (t) => {
      const client = clientOf(await served(t));
      const keyOf = (key: string) => `${name} ${key}`;
      await assert.rejects(client.counter.get(keyOf("a")).get(), code("actor", "not_found"));
      await assert.rejects(client.counter.get(keyOf("a")).resolve(), code("actor", "not_found"));
      const handle = client.counter.getOrCreate(keyOf("a"), { createWithInput: { start: 40 } });
      assert.equal(await handle.increment(2), 42);
      assert.equal(await client.counter.get([keyOf("a")]).get(), 42);
      const id = await handle.resolve();
      assert.equal(await handle.id(), id);
      assert.equal(await client.counter.getForId(id).get(), 42);
      await assert.rejects(client.counter.getForId("no-such-id").get(), code("actor", "not_found"));
      await assert.rejects(client.echo.getForId(id).none(), code("actor", "not_found"));
      await assert.rejects(client.counter.create(keyOf("a")), code("actor", "duplicate_key"));
      const made = await client.counter.create(keyOf("b"), { input: { start: 7 } });
      assert.equal(await made.get(), 7);
      assert.equal(
        await client.counter.getOrCreate(keyOf("c")).resolve(),
        await client.counter.get(keyOf("c")).id(),
      );
    });

    test("values arrive as they were, by action and by connection", async (t) => {
      const client = clientOf(await served(t));
      const handle = client.echo.getOrCreate();
      assert.deepEqual(await handle.same(value), value);
      assert.equal(await handle.none(), undefined);
      const conn = handle.connect();
      assert.deepEqual(await conn.same(value), value);
      await conn.dispose();
    });

    test("nested actions, parameters, errors", async (t) => {
      const client = clientOf(await served(t));
      const handle = client.counter.getOrCreate(`${name} n`, { params: { token: "t" } });
      await handle.increment(4);
      assert.equal(await handle.nested.deep.double(), 8);
      assert.deepEqual(await handle.params(), { token: "t" });
      const conn = handle.connect({ token: "c" });
      assert.deepEqual(await conn.params(), { token: "c" });
      assert.equal(await conn.nested.deep.double(), 8);
      await conn.dispose();
      const other = client.echo.getOrCreate();
      await assert.rejects(other.userError(), (error) => {
        assert.ok(code("user", "refused")(error));
        assert.equal((error as Error).message, "You may not");
        assert.deepEqual((error as { metadata?: unknown }).metadata, { field: "name" });
        return true;
      });
      await assert.rejects(other.crash(), (error) => {
        assert.ok(code("internal", "internal_error")(error));
        assert.doesNotMatch(JSON.stringify(error) + (error as Error).message, /hunter2/);
        return true;
      });
      await assert.rejects(other.action({ name: "missing" }), code("actor", "action_not_found"));
      await assert.rejects(client.get("missing").action({ name: "x" }), code("actor", "not_found"));
    });

    test("messages at, below and above the limits", async (t) => {
      const client = clientOf(await served(t));
      const handle = client.echo.getOrCreate();
      const conn = handle.connect();
      for (const each of [handle, conn]) {
        assert.equal(await each.size("x".repeat(65_000)), 65_000);
        await assert.rejects(each.size("x".repeat(65_536)), code("message", "incoming_too_long"));
        assert.equal((await each.big(1_048_000)).length, 1_048_000);
        await assert.rejects(each.big(1_048_577), code("message", "outgoing_too_long"));
      }
      await conn.dispose();
    });
  });
}

test("keys with separators are different actors by every way", async (t) => {
  const running = await served(t);
  const keys = [
    ["a,b"],
    ["a", "b"],
    [""],
    [],
    ["", ""],
    ["a/b"],
    ["\u0000"],
    ["🎉"],
    ["."],
    [".."],
    ["%2C"],
    ["a?b#c"],
  ];
  const ids = new Set<string>();
  for (const key of keys) {
    const handle = running.client().counter.getOrCreate(key);
    const id = await handle.id();
    ids.add(id);
    for (const other of [running.client({ encoding: "json" }), running.registry.client]) {
      assert.deepEqual(await other.counter.get(key).key(), key);
      assert.equal(await other.counter.get(key).id(), id);
    }
    const conn = running.client().counter.get(key).connect();
    assert.equal(await conn.id(), id);
    assert.equal(conn.actorId, id);
    await conn.dispose();
  }
  assert.equal(ids.size, keys.length);
});

test("keys that are too long or malformed are refused before anything is sent", async (t) => {
  const { counter } = (await served(t)).client();
  assert.equal(await counter.getOrCreate("x".repeat(128)).get(), 0);
  await assert.rejects(counter.getOrCreate("x".repeat(129)).get(), code("actor", "key_too_long"));
  await assert.rejects(counter.get("\ud800").get(), code("actor", "invalid_key"));
});

function code(group: string, name: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(isErrorCode(error, group, name), `expected ${group}.${name}, got ${String(error)}`);
    return true;
  };
}
