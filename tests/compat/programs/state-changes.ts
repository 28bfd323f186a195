/** Deep changes of the state are seen and kept; `onStateChange` comes once for those of one moment. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

interface Item {
  name: string;
  tags: string[];
}

const list = actor({
  state: {
    items: [] as Item[],
    byName: {} as Record<string, Item>,
    total: 0,
    at: new Date(0),
    ids: new Set<number>(),
  },
  createVars: () => ({ changes: 0, lastTotal: -1 }),
  onStateChange: (c, state) => {
    c.vars.changes += 1;
    c.vars.lastTotal = state.total;
  },
  actions: {
    add: (c, name: string) => {
      const item: Item = { name, tags: [] };
      c.state.items.push(item);
      c.state.items[c.state.items.length - 1]?.tags.push("new", "x");
      c.state.byName[name] = { name, tags: ["by name"] };
      c.state.at = new Date(5);
      c.state.ids = new Set([1, 2]);
      c.state.total += 1;
    },
    read: (c) => c.state.items.map((item) => item.name),
    all: (c) => c.state,
    drop: (c, name: string) => {
      c.state.items = c.state.items.filter((item) => item.name !== name);
      delete c.state.byName[name];
      c.state.total -= 1;
    },
    vars: async (c) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { ...c.vars };
    },
    save: async (c) => {
      c.state.total += 10;
      await c.saveState({ immediate: true });
    },
    replace: (c) => {
      c.state = { items: [], byName: {}, total: 100, at: new Date(1), ids: new Set() };
    },
    sleep: (c) => c.sleep(),
  },
});

export const registry = setup({ use: { list } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.list.getOrCreate(["a"]);
  await handle.add("one");
  const first = await handle.vars();
  assert.deepEqual(first, { changes: 1, lastTotal: 1 });
  await handle.read();
  assert.deepEqual(await handle.vars(), first);

  await handle.add("two");
  await handle.drop("one");
  await handle.save();
  const all = await handle.all();
  assert.deepEqual(all.items, [{ name: "two", tags: ["new", "x"] }]);
  assert.deepEqual(all.byName, { two: { name: "two", tags: ["by name"] } });
  assert.deepEqual([all.total, all.at, all.ids], [11, new Date(5), new Set([1, 2])]);

  await handle.sleep();
  assert.deepEqual(await handle.all(), all);
  await handle.replace();
  assert.equal((await handle.all()).total, 100);
  await client.dispose();
}
