/** kv: types of values and keys, ranges, batches. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);
const text = (value: string): Uint8Array => new TextEncoder().encode(value);

const cache = actor({
  state: {},
  actions: {
    values: async (c) => {
      await c.kv.put("t", "text");
      await c.kv.put("b", bytes(1, 2));
      await c.kv.put("ab", new Uint8Array([3, 4]).buffer);
      return {
        text: await c.kv.get("t"),
        asBytes: await c.kv.get("t", { type: "binary" }),
        bytes: await c.kv.get("b", { type: "binary" }),
        buffer: new Uint8Array((await c.kv.get("ab", { type: "arrayBuffer" })) ?? []),
        none: await c.kv.get("none"),
        byteKey: await c.kv.get(text("t")),
      };
    },
    lists: async (c) => {
      for (const key of ["u:1", "u:2", "u:3", "v:1"]) await c.kv.put(key, key.toUpperCase());
      return {
        all: await c.kv.list("u:"),
        prefix: await c.kv.listPrefix("u:", { limit: 2 }),
        reverse: (await c.kv.listPrefix("u:", { reverse: true })).map(([key]) => key),
        range: (await c.kv.listRange("u:2", "v:1")).map(([key]) => key),
        binary: (await c.kv.list("v:", { keyType: "binary", type: "binary" }))[0],
        limited: (await c.kv.listRange("u:1", "z", { reverse: true, limit: 1 })).map(([key]) => key),
      };
    },
    deletes: async (c) => {
      await c.kv.delete("u:1");
      await c.kv.deleteRange(text("u:2"), text("u:3"));
      await c.kv.delete("not there");
      return (await c.kv.list("u:")).map(([key]) => key);
    },
    batches: async (c) => {
      await c.kv.batchPut([
        [bytes(200, 1), text("x")],
        [bytes(200, 2), text("y")],
      ]);
      const got = await c.kv.batchGet([bytes(200, 1), bytes(200, 9), bytes(200, 2)]);
      await c.kv.batchDelete([bytes(200, 1)]);
      const left = await c.kv.batchGet([bytes(200, 1), bytes(200, 2)]);
      return [got, left].map((each) =>
        each.map((value) => (value === null ? null : new TextDecoder().decode(value))),
      );
    },
    keep: async (c) => await c.kv.get("t"),
    nap: (c) => c.sleep(),
  },
});

export const registry = setup({ use: { cache } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.cache.getOrCreate(["c"]);
  assert.deepEqual(await handle.values(), {
    text: "text",
    asBytes: text("text"),
    bytes: bytes(1, 2),
    buffer: bytes(3, 4),
    none: null,
    byteKey: "text",
  });
  assert.deepEqual(await handle.lists(), {
    all: [
      ["u:1", "U:1"],
      ["u:2", "U:2"],
      ["u:3", "U:3"],
    ],
    prefix: [
      ["u:1", "U:1"],
      ["u:2", "U:2"],
    ],
    reverse: ["u:3", "u:2", "u:1"],
    range: ["u:2", "u:3"],
    binary: [text("v:1"), text("V:1")],
    limited: ["v:1"],
  });
  assert.deepEqual(await handle.deletes(), ["u:3"]);
  assert.deepEqual(await handle.batches(), [
    ["x", null, "y"],
    [null, "y"],
  ]);
  await handle.nap();
  assert.equal(await handle.keep(), "text");
  await client.dispose();
}
