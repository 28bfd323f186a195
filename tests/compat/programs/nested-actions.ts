/** Groups of actions, and what every supported type of value looks like on both sides. */
import assert from "node:assert/strict";
import { actor, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

const store = actor({
  state: { users: {} as Record<string, { name: string; joined: Date }>, tags: new Set<string>(), big: 10n },
  actions: {
    users: {
      add: (c, id: string, name: string) => {
        c.state.users[id] = { name, joined: new Date(0) };
        return Object.keys(c.state.users).length;
      },
      admin: {
        rename: (c, id: string, name: string) => {
          const user = c.state.users[id];
          if (user !== undefined) user.name = name;
          return user?.name;
        },
      },
    },
    tag: (c, tag: string) => {
      c.state.tags.add(tag);
      return c.state.tags;
    },
    grow: (c, by: bigint) => {
      c.state.big += by;
      return c.state.big;
    },
    all: (c) => ({ users: c.state.users, tags: c.state.tags, big: c.state.big }),
    echo: (_c, value: unknown) => value,
  },
});

export const registry = setup({ use: { store } });

export async function program(endpoint: string): Promise<void> {
  const client = createClient<typeof registry>(endpoint);
  const handle = client.store.getOrCreate(["s"]);
  assert.equal(await handle.users.add("u1", "Ada"), 1);
  assert.equal(await handle.users.admin.rename("u1", "Grace"), "Grace");
  assert.equal(await handle.action({ name: "users.add", args: ["u2", "Lin"] }), 2);
  assert.deepEqual(await handle.tag("x"), new Set(["x"]));
  assert.equal(await handle.grow(5n), 15n);
  const all = await handle.all();
  assert.equal(all.users["u1"]?.joined.getTime(), 0);
  assert.deepEqual(all.tags, new Set(["x"]));
  for (const value of [
    null,
    true,
    1.5,
    -0.25,
    "ü",
    123456789012345678901234567890n,
    new Date(5),
    new Map([["a", 1]]),
  ]) {
    assert.deepEqual(await handle.echo(value), value);
  }
  assert.deepEqual(await handle.echo(new Uint8Array([1, 2, 255])), new Uint8Array([1, 2, 255]));
  for (const encoding of ["json", "cbor", "bare"] as const) {
    const other = createClient<typeof registry>({ endpoint, encoding });
    const there = other.store.getOrCreate(["s"]);
    assert.equal(await there.grow(0n), 15n);
    assert.deepEqual(await there.echo({ a: [1, "2", null], d: new Date(7) }), {
      a: [1, "2", null],
      d: new Date(7),
    });
    await other.dispose();
  }
  await client.dispose();
}
