/** Handles and keys: what makes an actor, what only finds it, and which keys are the same. */
import assert from "node:assert/strict";
import { actor, setup, UserError } from "rivetkit";
import { createClient } from "rivetkit/client";

const box = actor({
  createState: (_c: unknown, input: { size?: number } | undefined) => {
    if (input?.size === -1) throw new UserError("No such box");
    return { size: input?.size ?? 0 };
  },
  actions: {
    size: (c) => c.state.size,
    key: (c) => c.key,
    id: (c) => c.actorId,
    name: (c) => c.name,
    destroy: (c) => c.destroy(),
  },
});

export const registry = setup({ use: { box } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const missing = { group: "actor", code: "not_found" };
  await assert.rejects(client.box.get(["none"]).size(), missing);
  await assert.rejects(client.box.get(["none"]).resolve(), missing);

  const made = await client.box.create(["a"], { input: { size: 3 } });
  assert.equal(await made.size(), 3);
  await assert.rejects(client.box.create(["a"]), { group: "actor", code: "duplicate_key" });
  assert.equal(await client.box.getOrCreate(["a"], { createWithInput: { size: 9 } }).size(), 3);
  const id = await client.box.get("a").resolve();
  assert.equal(id, await made.id());
  assert.equal(await client.box.getForId(id).size(), 3);
  assert.equal(await client.box.get("a").name(), "box");

  // A string is a key of one part; no key is the key of no parts; commas and slashes are only text.
  const ids = new Set<string>();
  const keys = [["a", "b"], ["a,b"], ["a/b"], ["ab"], [], ["ü", " "]];
  for (const key of keys) {
    const handle = client.box.getOrCreate(key);
    assert.deepEqual(await handle.key(), key);
    ids.add(await handle.resolve());
    const conn = handle.connect();
    assert.deepEqual(await conn.key(), key);
    await conn.dispose();
  }
  assert.equal(ids.size, keys.length);
  assert.equal(await client.box.getOrCreate().resolve(), await client.box.getOrCreate([]).resolve());

  await client.box.get("a").destroy();
  await assert.rejects(client.box.getForId(id).size(), missing);
  await assert.rejects(client.box.get("a").size(), missing);
  const second = client.box.getOrCreate("a", { createWithInput: { size: 5 } });
  assert.equal(await second.size(), 5);
  assert.notEqual(await second.resolve(), id);
  await client.dispose();
}
