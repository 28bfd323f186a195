import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
/** A log and the data a store would contain. */
import { assertStored, harness, plain } from "../../../tests/state-support.ts";
import { StateLog } from "./state-log.ts";

describe("state", () => {
  test("the size of a patch is proportional to the change", () => {
    const h = harness({ big: "x".repeat(10_000), count: 0 });
    const state: { count: number } = h.state();
    state.count++;
    assert.equal(h.commit(), "patch");
    assert.ok(h.patchBytes() < 40);
    assertStored(h);
  });

  test("assigning an equal value changes nothing", () => {
    const h = harness({ count: 1, list: [1], inner: { a: 1 }, map: new Map([["a", 1]]) });
    const state: { count: number; list: number[]; inner: object; map: Map<string, number> } = h.state();
    const { inner } = state;
    state.count = 1;
    state.list[0] = 1;
    state.inner = inner;
    state.map.set("a", 1);
    state.list.length = 1;
    state.list.splice(0, 0);
    assert.equal(h.changes(), 0);
    assert.equal(h.commit(), undefined);
  });

  test("repeated assignments produce one operation", () => {
    const h = harness({ count: 0 });
    const state: { count: number } = h.state();
    for (let i = 0; i < 1_000; i++) state.count++;
    h.commit();
    assert.ok(h.patchBytes() < 40);
    assertStored(h);
  });

  test("the log is compacted when it outgrows the snapshot", () => {
    const h = harness({ text: "" });
    const state: { text: string } = h.state();
    const types = new Set<unknown>();
    for (let i = 0; i < 40; i++) {
      state.text = String(i).repeat(500);
      types.add(h.commit());
    }
    assert.deepEqual([...types].sort(), ["patch", "snapshot"]);
    assertStored(h);
  });

  test("array methods record one operation each and preserve identity", () => {
    const h = harness({ items: [{ n: 3 }, { n: 1 }, { n: 2 }] });
    const state: { items: { n: number; seen?: boolean }[] } = h.state();
    const three = state.items[0];
    assert.ok(three);
    state.items.sort((a, b) => a.n - b.n);
    h.commit();
    three.seen = true;
    state.items.reverse();
    state.items.push({ n: 9 });
    const last = state.items.at(-1);
    assert.ok(last);
    last.n = 10;
    const popped = state.items.pop();
    assert.equal(popped?.n, 10);
    state.items.unshift({ n: 0 });
    const moved = state.items.splice(1, 1)[0];
    assert.ok(moved);
    state.items.push(moved);
    moved.seen = false;
    h.commit();
    assert.equal(state.items.at(-1), moved, "an item that is removed and put back is the same object");
    moved.n = 77;
    h.commit();
    assertStored(h);
    assert.deepEqual(plain(state.items), [{ n: 0 }, { n: 2 }, { n: 1 }, { n: 77, seen: false }]);
  });

  test("an assigned object is part of the state until the commit, and has no effect afterwards", () => {
    const h = harness({ items: [] as { n: number }[] });
    const state: { items: { n: number }[] } = h.state();
    const mine = { n: 1 };
    state.items.push(mine);
    mine.n = 2;
    assert.equal(state.items[0]?.n, 2);
    const kept = state.items[0];
    kept.n = 3;
    assert.equal(mine.n, 3);
    h.commit();
    assertStored(h);
    mine.n = 4;
    assert.equal(state.items[0]?.n, 3);
    assert.equal(state.items[0], kept, "a view stays valid after the commit");
    kept.n = 5;
    assert.equal(mine.n, 4);
    h.commit();
    assertStored(h);
    assert.deepEqual(plain(state.items), [{ n: 5 }]);
  });

  test("the value of an assignment is part of the state", () => {
    type Lists = Record<string, { at: Date; tags: string[] }[]>;
    const h = harness({ lists: {} as Lists, byId: new Map<string, number[]>() });
    const state: { lists: Lists; byId: Map<string, number[]> } = h.state();
    for (let n = 0; n < 3; n++) {
      // biome-ignore lint/suspicious/noAssignInExpressions: its value is what is tested.
      const list = (state.lists["a"] ??= []);
      list.push({ at: new Date(n), tags: [] });
      list.at(-1)?.tags.push(`tag ${n}`);
      const numbers: number[] = [];
      if (n === 0) state.byId.set("x", numbers);
      numbers.push(7);
      if (n !== 1) h.commit();
    }
    h.commit();
    assertStored(h);
    assert.deepEqual(plain(state.lists), {
      a: [0, 1, 2].map((n) => ({ at: new Date(n), tags: [`tag ${n}`] })),
    });
    assert.deepEqual(plain(state.byId), new Map([["x", [7]]]));
  });

  test("originals can be nested, used twice, moved and removed", () => {
    const h = harness({ a: undefined, b: undefined, list: [] } as Record<string, unknown>);
    const state = h.state() as Record<string, unknown> & { list: unknown[] };
    const shared = { n: 1, when: new Date(1) };
    state["a"] = { shared };
    state["b"] = shared;
    shared.n = 2;
    (state["a"] as { shared: { n: number } }).shared.n++;
    const inner = (state["a"] as { shared: object }).shared;
    const outer: { inner?: object } = {};
    state["c"] = outer;
    outer.inner = inner;
    const [gone] = [state.list.push({ deep: { n: 1 } }), state.list.pop()].slice(1) as [
      { deep: { n: number } },
    ];
    h.commit();
    assertStored(h);
    assert.deepEqual(plain(state), {
      a: { shared: { n: 3, when: new Date(1) } },
      b: { n: 3, when: new Date(1) },
      list: [],
      c: { inner: { n: 3, when: new Date(1) } },
    });
    gone.deep.n = 2;
    state.list.push(gone);
    gone.deep.n = 3;
    h.commit();
    assertStored(h);
    assert.deepEqual(plain(state.list), [{ deep: { n: 3 } }]);
  });

  test("state objects placed into an original keep their views", () => {
    const h = harness({ items: [{ n: 1 }], box: null, bag: new Set(), map: new Map() });
    interface Item {
      n: number;
    }
    const state: { items: Item[]; box: { item?: Item } | null; map: Map<string, Item> } = h.state();
    const item = state.items.shift();
    assert.ok(item !== undefined);
    const box: { item?: Item } = {};
    state.box = box;
    state.box.item = item;
    h.commit();
    item.n = 2;
    h.commit();
    assert.equal(state.box.item?.n, 2);
    assertStored(h);
    // User code that holds the box holds nothing of the state.
    if (box.item !== undefined) box.item.n = 3;
    assert.equal(state.box.item?.n, 2);
  });

  test("an original that can no longer be stored fails the commit and reports its path", () => {
    const h = harness({ list: [] as unknown[] });
    const mine: unknown[] = [1];
    const state: { list: unknown[] } = h.state();
    state.list = mine;
    mine.push(() => 1);
    assert.throws(() => h.commit(), { code: "invalid_state_value", message: /state\.list\[1\]/ });
  });

  test("values that cannot be part of a state are copied when they are assigned", () => {
    class Tagged extends Array<number> {}
    const cases: [string, object, (value: never) => void][] = [
      ["frozen", Object.freeze({ n: 1 }), () => {}],
      ["a list with holes", Object.assign(new Array(2), { 1: 1 }), (value: number[]) => void value.push(9)],
      ["a list of a class", Tagged.from([1]), (value: number[]) => void value.push(9)],
      [
        "a map with objects as keys",
        new Map([[{ k: 1 }, 1]]),
        (value: Map<unknown, unknown>) => value.clear(),
      ],
      ["a set of objects", new Set([{ k: 1 }]), (value: Set<unknown>) => value.clear()],
      ["an error", { error: new Error("x") }, (value: { n?: number }) => Object.assign(value, { n: 1 })],
    ];
    for (const [name, value, change] of cases) {
      const h = harness({ value: undefined as unknown });
      const state: Record<string, unknown> = h.state();
      state["value"] = value;
      const before = plain(state["value"]);
      change(value as never);
      assert.deepEqual(plain(state["value"]), before, name);
      state["more"] = 1;
      h.commit();
      assertStored(h);
    }
  });

  test("maps, sets, dates, bytes, errors", () => {
    const h = harness({
      map: new Map<unknown, unknown>([["a", { n: 1 }]]),
      set: new Set<unknown>([1, { n: 1 }]),
      date: new Date(1),
      bytes: new Uint8Array([1, 2]),
      error: new Error("x"),
    });
    const state: {
      map: Map<unknown, { n: number }>;
      set: Set<unknown>;
      date: Date;
      bytes: Uint8Array;
      error: Error;
    } = h.state();
    const step = (change: () => void) => {
      change();
      assert.equal(h.commit(), "patch");
      assertStored(h);
    };
    step(() => {
      const item = state.map.get("a");
      if (item) item.n = 2;
    });
    step(() => state.map.set({ id: 1 }, { n: 5 }));
    step(() => {
      for (const item of state.map.values()) item.n++;
    });
    step(() => state.map.delete([...state.map.keys()][1]));
    step(() => {
      for (const item of state.set) if (typeof item === "object") (item as { n: number }).n = 8;
    });
    step(() => state.set.add({ n: 2 }));
    step(() => state.set.delete(1));
    step(() => state.date.setTime(99));
    step(() => state.bytes.fill(7));
    step(() => {
      state.error.message = "y";
    });
    step(() => state.set.clear());
    step(() => state.map.clear());
    assert.equal(state.date.getTime(), 99);
    assert.deepEqual([...state.bytes], [7, 7]);
  });

  test("values that cannot be stored are rejected with their path, and nothing changes", () => {
    const h = harness({ items: [{ a: 1 }] as unknown[], map: new Map() });
    const state: { items: unknown[]; map: Map<string, unknown>; [key: string]: unknown } = h.state();
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    class Point {}
    const cases: [() => unknown, string][] = [
      [() => (state.f = () => 1), "state.f"],
      [() => (state.s = Symbol("x")), "state.s"],
      [() => state.items.push({ deep: [new Point()] }), "state.items[1].deep[0]"],
      [() => (state.items[0] = cyclic), "state.items[0].self"],
      [() => state.map.set("k", { p: Promise.resolve() }), "state.map.k.p"],
      [() => (state.w = new WeakMap()), "state.w"],
      [() => (state.h = Reflect.construct(Reflect.get(globalThis, "Float16Array"), [1])), "state.h"],
      [() => (state.b = new SharedArrayBuffer(1)), "state.b"],
      [() => (state.v = new DataView(new ArrayBuffer(1))), "state.v"],
      [
        () => Object.defineProperty(state, "x", { get: () => 1, enumerable: true, configurable: true }),
        "state",
      ],
      [() => Object.defineProperty(state, "x", { value: 1, writable: true, configurable: true }), "state"],
      [() => Object.defineProperty(state, "items", { value: [], writable: false }), "state"],
      [() => Object.defineProperty(state.map, "x", { value: 1 }), "state.map"],
      [() => ((state.map as unknown as { x: number }).x = 1), "state.map"],
      [() => Object.freeze(state.items), "state.items"],
    ];
    for (const [change, path] of cases) {
      assert.throws(change, (error) => {
        assert.ok(isErrorCode(error, "actor", "invalid_state_value"));
        assert.deepEqual(error.metadata, { path });
        return true;
      });
    }
    assert.throws(() => StateLog.create({ a: [() => 1] }, { stateChanged: () => {} }), /state\.a\[0\]/);
    assert.equal(h.commit(), undefined);
  });

  test("every typed array, and depth up to the limit", () => {
    const h = harness({});
    const state: Record<string, unknown> = h.state();
    const types = [Uint8ClampedArray, Uint16Array, Uint32Array, Int8Array, Int16Array, Int32Array];
    state.all = [...types, Float32Array, Float64Array].map((Type) => new Type([1, 2]));
    state.bigs = [new BigInt64Array([1n]), new BigUint64Array([2n]), new ArrayBuffer(2)];
    state.buffer = Buffer.from("ab");
    const nest = (levels: number): unknown => {
      let value: unknown = 1;
      for (let i = 0; i < levels; i++) value = i % 2 ? new Set([value]) : [value];
      return value;
    };
    state.deep = nest(499);
    h.commit();
    assert.deepEqual(h.replay(), plain(h.log.value));
    assert.throws(() => {
      state.deeper = nest(500);
    }, /nested deeper/);
    assert.throws(() => {
      (state.deep as unknown[])[0] = nest(499);
    }, /nested deeper/);
  });

  test("64 MiB", () => {
    const h = harness({ bytes: new Uint8Array(64 * 1_048_576).fill(5), count: 0 });
    const state: { count: number } = h.state();
    state.count = 1;
    assert.equal(h.commit(), "patch");
    assert.ok(h.patchBytes() < 40);
    const replayed = h.replay() as { bytes: Uint8Array; count: number };
    assert.deepEqual([replayed.bytes.length, replayed.bytes.at(-1), replayed.count], [67_108_864, 5, 1]);
  });

  test("a key named __proto__ is an ordinary key", () => {
    const h = harness({});
    const state: Record<string, unknown> = h.state();
    Object.assign(state, { ok: 1 });
    state.inner = JSON.parse('{"__proto__":{"polluted":true}}');
    h.commit();
    assertStored(h);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    assert.equal((state.inner as { polluted?: unknown }).polluted, undefined);
  });

  test("assigning an object into itself copies it", () => {
    const h = harness({ a: { n: 1 } as Record<string, unknown> });
    const state: { a?: Record<string, unknown> } = h.state();
    const { a } = state;
    assert.ok(a);
    a.self = a;
    delete state.a;
    a.again = a;
    state.a = a;
    h.commit();
    assertStored(h);
  });
});
