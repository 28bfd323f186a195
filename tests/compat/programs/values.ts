/** Values that travel as they are, in every encoding, as arguments, results, events and state. */
import assert from "node:assert/strict";
import { actor, event, setup } from "rivetkit";
import { createClient } from "rivetkit/client";

interface Rich {
  text: string;
  none: null;
  big: bigint;
  bytes: Uint8Array;
  list: number[];
  deep: { empty: Record<string, never>; flag: boolean };
}

const rich: Rich = {
  text: "ü 🚀 \u0000",
  none: null,
  big: 12345678901234567890n,
  bytes: new Uint8Array([0, 1, 255]),
  list: [0, -1.5, 2 ** 40],
  deep: { empty: {}, flag: true },
};

const store = actor({
  state: { kept: undefined as Rich | undefined },
  events: { got: event<Rich>() },
  actions: {
    echo: (_c, value: Rich) => value,
    keep: (c, value: Rich) => {
      c.state.kept = value;
      c.broadcast("got", value);
    },
    kept: (c) => c.state.kept,
    nothing: () => undefined,
    none: () => null,
    count: (_c, ...args: unknown[]) => args.length,
    pair: (_c, a: number, b?: string) => [a, b ?? "default"],
  },
});

export const registry = setup({ use: { store } });

export async function program(endpoint: string): Promise<void> {
  for (const encoding of ["bare", "cbor", "json"] as const) {
    const client = createClient<typeof registry>({ endpoint, encoding });
    const handle = client.store.getOrCreate([encoding]);
    const conn = handle.connect();
    await conn.ready;
    for (const caller of [handle, conn]) {
      assert.deepEqual(await caller.echo(rich), rich);
      assert.equal(await caller.nothing(), undefined);
      assert.equal(await caller.none(), null);
      assert.equal(await caller.count(), 0);
      assert.equal(await caller.count(1, null, "x"), 3);
      assert.deepEqual(await caller.pair(1), [1, "default"]);
    }
    const got = new Promise<unknown>((resolve) => {
      conn.on("got", (value: unknown) => resolve(value));
    });
    await conn.count();
    await handle.keep(rich);
    assert.deepEqual(await got, rich);
    assert.deepEqual(await handle.kept(), rich);
    await conn.dispose();
    await client.dispose();
  }
}
