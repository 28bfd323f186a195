/** The ordered key-value store of an actor. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

const cache = actor({
  state: {},
  actions: {
    put: async (c, key: string, value: string) => await c.kv.put(key, value),
    get: async (c, key: string) => await c.kv.get(key),
    bytes: async (c) => {
      await c.kv.put("bytes", new Uint8Array([1, 2]), { type: "binary" });
      return await c.kv.get("bytes", { type: "binary" });
    },
    list: async (c, prefix: string) => await c.kv.list(prefix),
    range: async (c, start: string, end: string) =>
      (await c.kv.listRange(bytes(start), bytes(end))).map(([key]) => key),
    remove: async (c, key: string) => await c.kv.delete(key),
    clear: async (c, start: string, end: string) => await c.kv.deleteRange(bytes(start), bytes(end)),
  },
});

export const registry = setup({ use: { cache } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.cache.getOrCreate(["c"]);
  for (const key of ["a1", "a2", "b1"]) await handle.put(key, key.toUpperCase());
  assert.equal(await handle.get("a1"), "A1");
  assert.ok(!(await handle.get("zzz")));
  assert.deepEqual(await handle.bytes(), new Uint8Array([1, 2]));
  assert.deepEqual(
    await handle.range("a2", "c"),
    ["a2", "b1", "bytes"].filter((key) => key < "c"),
  );
  assert.equal((await handle.list("a")).length, 2);
  await handle.remove("a1");
  await handle.clear("b", "c");
  assert.ok(!(await handle.get("a1")));
  assert.ok(!(await handle.get("b1")));
  await client.dispose();
}
