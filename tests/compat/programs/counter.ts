/** State, actions with arguments and results, handles by key and by id. */
import assert from "node:assert/strict";
import { actor, event, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const counter = actor({
  state: { count: 0, lastBy: null as string | null },
  events: { changed: event<number>() },
  actions: {
    increment: (c, by: number) => {
      c.state.count += by;
      c.broadcast("changed", c.state.count);
      return c.state.count;
    },
    get: (c) => c.state.count,
    whoami: (c) => ({ id: c.actorId, name: c.name, key: c.key }),
    reset: async (c) => {
      c.state.count = 0;
      await c.saveState({ immediate: true });
    },
  },
});

export const registry = setup({ use: { counter } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.counter.getOrCreate(["main"]);
  assert.equal(await handle.increment(2), 2);
  assert.equal(await handle.increment(3), 5);
  assert.equal(await handle.action<[], number>({ name: "get", args: [] }), 5);

  const me = await handle.whoami();
  assert.equal(me.name, "counter");
  assert.deepEqual(me.key, ["main"]);
  assert.equal(await handle.resolve(), me.id);
  assert.equal(await client.counter.getForId(me.id).get(), 5);
  assert.equal(await client.counter.get(["main"]).get(), 5);
  assert.equal(await client.counter.getOrCreate("main").get(), 5);
  assert.equal(await client.counter.getOrCreate(["other"]).get(), 0);

  await handle.reset();
  assert.equal(await handle.get(), 0);
  await assert.rejects(client.counter.get(["nobody"]).get(), { group: "actor", code: "not_found" });
  await client.dispose();
}
