import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type ActorKv, actor } from "@holdfast/actors";
import { isErrorCode } from "@holdfast/core";
import { type World, world } from "./harness.ts";

/** The kv of a running actor, and its world. */
async function open(): Promise<{ kv: ActorKv; w: World }> {
  const w = world();
  let kv: ActorKv | undefined;
  const definition = actor({
    options: { noSleep: true },
    onWake: (c) => {
      kv = c.kv;
    },
  });
  await w.create(definition).ready;
  assert.ok(kv);
  return { kv, w };
}

describe("kv", () => {
  test("reads see writes immediately, even during their commit", async () => {
    const { kv, w } = await open();
    w.store.hold = true;
    await kv.put("a", "1");
    assert.equal(await kv.get("a"), "1");
    await kv.put("a", "2");
    await kv.delete("b");
    assert.equal(await kv.get("a"), "2");
    assert.equal(await kv.get("b"), null);
    await kv.deleteRange("a", "c");
    assert.equal(await kv.get("a"), null);
    await kv.put("b", "3");
    assert.deepEqual(await kv.list(""), [["b", "3"]]);
  });

  test("types of keys and values", async () => {
    const { kv } = await open();
    const bytes = new Uint8Array([0, 255, 128]);
    await kv.put(bytes, bytes);
    await kv.put("text", "héllo");
    await kv.put("buffer", bytes.buffer);
    bytes.fill(9);
    const key = new Uint8Array([0, 255, 128]);
    assert.deepEqual(await kv.get(key, { type: "binary" }), key);
    assert.deepEqual(await kv.get("text", { type: "binary" }), new TextEncoder().encode("héllo"));
    assert.deepEqual(new Uint8Array((await kv.get("buffer", { type: "arrayBuffer" })) ?? []), key);
    assert.deepEqual(await kv.list("te", { keyType: "binary" }), [
      [new TextEncoder().encode("text"), "héllo"],
    ]);
  });

  test("a leading byte order mark is preserved", async () => {
    const { kv } = await open();
    await kv.put("\ufeffname", "\ufefftext");
    assert.deepEqual(await kv.list(), [["\ufeffname", "\ufefftext"]]);
    assert.equal(await kv.get("\ufeffname"), "\ufefftext");
    assert.equal(await kv.get("name"), null);
  });

  test("limits: at, below and above", async () => {
    const { kv } = await open();
    const refused = (code: string) => (error: unknown) => isErrorCode(error, "kv", code);
    await kv.put("k".repeat(2_048), "");
    await assert.rejects(kv.put("k".repeat(2_049), ""), refused("key_too_large"));
    await kv.put("v", new Uint8Array(2_097_152));
    await assert.rejects(kv.put("v", new Uint8Array(2_097_153)), refused("value_too_large"));
    await kv.put("", "x");
    assert.equal(await kv.get(""), "x");
    assert.deepEqual((await kv.list())[0], ["", "x"]);
    await kv.delete("");
    assert.equal(await kv.get(""), null);
    await assert.rejects(kv.get("k".repeat(2_048), { type: "json" as never }), TypeError);
    await assert.rejects(kv.put("k".repeat(2_049), ""), {
      message: "KV key too large (2049 bytes). Limit is 2048 bytes.",
      metadata: { limit: 2_048, size: 2_049 },
    });
    await assert.rejects(kv.put("x", 1 as never), refused("invalid_value"));
    await assert.rejects(kv.list("", { limit: -1 }), refused("invalid_limit"));
  });

  test("matches a sorted map after random operations, durable or not", async () => {
    for (let seed = 1; seed <= 40; seed++) {
      const { kv, w } = await open();
      w.store.hold = true;
      const model = new Map<string, string>();
      let state = seed;
      const below = (n: number): number => {
        state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
        return Math.floor((state / 2_147_483_648) * n);
      };
      const key = (): string => `k${below(12).toString(16)}`;
      for (let i = 0; i < 60; i++) {
        const [a, b] = [key(), key()].sort() as [string, string];
        switch (below(6)) {
          case 0:
          case 1:
            await kv.put(a, String(i));
            model.set(a, String(i));
            break;
          case 2:
            await kv.delete(a);
            model.delete(a);
            break;
          case 3:
            await kv.deleteRange(a, b);
            for (const known of [...model.keys()]) if (known >= a && known < b) model.delete(known);
            break;
          case 4:
            w.store.held.shift()?.land();
            break;
          default:
            await new Promise((resolve) => setImmediate(resolve));
        }
        const limit = 1 + below(5);
        const reverse = below(2) === 0;
        const expected = [...model]
          .filter(([known]) => known >= a && known < b)
          .sort(([x], [y]) => (x < y ? -1 : 1));
        if (reverse) expected.reverse();
        assert.deepEqual(
          await kv.listRange(a, b, { limit, reverse }),
          expected.slice(0, limit),
          `seed ${seed}`,
        );
        assert.equal(await kv.get(a), model.get(a) ?? null, `seed ${seed}`);
      }
    }
  });

  test("state and kv changes of one turn share a commit", async () => {
    const w = world();
    const definition = actor({
      state: { n: 0 },
      actions: {
        both: async (c) => {
          c.state.n++;
          await c.kv.put("n", String(c.state.n));
        },
      },
    });
    const instance = w.create(definition);
    await instance.ready;
    await instance.invoke({ name: "both", args: [] });
    const last = w.store.commits.at(-1);
    assert.ok(last?.state);
    assert.equal(last?.kv?.length, 1);
    await instance.sleep();
    const loaded = await w.store.kvGet("a", new TextEncoder().encode("\u0001n"));
    assert.deepEqual(loaded, new TextEncoder().encode("1"));
  });
});
