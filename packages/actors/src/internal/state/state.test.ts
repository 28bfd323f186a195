import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { decodeState } from "./patch.ts";
import { StateLog } from "./state-log.ts";

/** A log and what a store would hold of it. */
function harness(initial: unknown, inUse: () => boolean = () => false) {
  let changes = 0;
  const log = StateLog.create(initial, { stateChanged: () => changes++ });
  let snapshot: Uint8Array = new Uint8Array();
  let patches: Uint8Array[] = [];
  const commit = (): "snapshot" | "patch" | undefined => {
    log.checkLeaves(false);
    const change = log.take(inUse());
    if (change?.type === "snapshot") {
      snapshot = change.bytes;
      patches = [];
    } else if (change) patches.push(change.bytes);
    return change?.type;
  };
  commit();
  return {
    log,
    commit,
    state: () => log.value as never,
    replay: () => decodeState(snapshot, patches),
    changes: () => changes,
    patchBytes: () => patches.reduce((sum, patch) => sum + patch.length, 0),
  };
}

/** The live state without its proxies. */
function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [plain(key), plain(item)]));
  if (value instanceof Set) return new Set([...value].map(plain));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

function agree(h: ReturnType<typeof harness>): void {
  assert.deepEqual(h.replay(), plain(h.log.value));
}

describe("state", () => {
  test("a change costs a patch of its own size", () => {
    const h = harness({ big: "x".repeat(10_000), count: 0 });
    const state: { count: number } = h.state();
    state.count++;
    assert.equal(h.commit(), "patch");
    assert.ok(h.patchBytes() < 40);
    agree(h);
  });

  test("assigning what is there already changes nothing", () => {
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

  test("repeated assignments make one operation", () => {
    const h = harness({ count: 0 });
    const state: { count: number } = h.state();
    for (let i = 0; i < 1_000; i++) state.count++;
    h.commit();
    assert.ok(h.patchBytes() < 40);
    agree(h);
  });

  test("compacts when the log outgrows the snapshot", () => {
    const h = harness({ text: "" });
    const state: { text: string } = h.state();
    const types = new Set<unknown>();
    for (let i = 0; i < 40; i++) {
      state.text = String(i).repeat(500);
      types.add(h.commit());
    }
    assert.deepEqual([...types].sort(), ["patch", "snapshot"]);
    agree(h);
  });

  test("array methods, in one operation each, keep identity", () => {
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
    assert.equal(state.items.at(-1), moved, "what was taken out and put back is the same object");
    moved.n = 77;
    h.commit();
    agree(h);
    assert.deepEqual(plain(state.items), [{ n: 0 }, { n: 2 }, { n: 1 }, { n: 77, seen: false }]);
  });

  test("an assigned object is what lies in the state until the commit, and nobody's business after it", () => {
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
    agree(h);
    mine.n = 4;
    assert.equal(state.items[0]?.n, 3);
    assert.equal(state.items[0], kept, "a view outlives the commit");
    kept.n = 5;
    assert.equal(mine.n, 4);
    h.commit();
    agree(h);
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
    agree(h);
    assert.deepEqual(plain(state.lists), {
      a: [0, 1, 2].map((n) => ({ at: new Date(n), tags: [`tag ${n}`] })),
    });
    assert.deepEqual(plain(state.byId), new Map([["x", [7]]]));
  });

  test("originals within originals, in two places, moved, and taken out", () => {
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
    agree(h);
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
    agree(h);
    assert.deepEqual(plain(state.list), [{ deep: { n: 3 } }]);
  });

  test("what came into an original out of the state is the state's own, and its views go on", () => {
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
    agree(h);
    // Whoever has the box in hand has nothing of the state in hand.
    if (box.item !== undefined) box.item.n = 3;
    assert.equal(state.box.item?.n, 2);
  });

  test("an original that can no longer be stored fails the commit with its path", () => {
    const h = harness({ list: [] as unknown[] });
    const mine: unknown[] = [1];
    const state: { list: unknown[] } = h.state();
    state.list = mine;
    mine.push(() => 1);
    assert.throws(() => h.commit(), { code: "invalid_state_value", message: /state\.list\[1\]/ });
  });

  test("what cannot lie in a state as it is, is copied when it is assigned", () => {
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
      agree(h);
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
      agree(h);
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

  test("refuses what cannot be stored, with its path, and changes nothing", () => {
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

  test("a key called __proto__ is only a key", () => {
    const h = harness({});
    const state: Record<string, unknown> = h.state();
    Object.assign(state, { ok: 1 });
    state.inner = JSON.parse('{"__proto__":{"polluted":true}}');
    h.commit();
    agree(h);
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    assert.equal((state.inner as { polluted?: unknown }).polluted, undefined);
  });

  test("putting something into itself copies it", () => {
    const h = harness({ a: { n: 1 } as Record<string, unknown> });
    const state: { a?: Record<string, unknown> } = h.state();
    const { a } = state;
    assert.ok(a);
    a.self = a;
    delete state.a;
    a.again = a;
    state.a = a;
    h.commit();
    agree(h);
  });
});

describe("replay of snapshot and patches", () => {
  /** They found something once. */
  const kept = [1_568, 5_196, 6_012, 6_639, 7_183, 8_939, 9_738, 27_167];
  const some = [...Array.from({ length: 300 }, (_, i) => i + 1), ...kept];
  const seeds = process.env.SEED ? [Number(process.env.SEED)] : some;
  test("equals the live state after random changes", () => {
    for (const seed of seeds) {
      try {
        randomRun(seed, false);
        randomRun(seed, true);
      } catch (error) {
        throw new Error(`SEED=${seed}`, { cause: error });
      }
    }
  });
});

/** With `inUse`, what was assigned is also changed behind the back of the state for as long as it is held. */
function randomRun(seed: number, inUse: boolean): void {
  const random = mulberry(seed);
  const below = (n: number): number => Math.floor(random() * n);
  const initial = {
    root: randomValue(below, 3) as object,
    list: [1, 2, 3],
    map: new Map(),
    set: new Set(),
  };
  const h = harness(initial, () => inUse && below(4) > 0);
  const kept: unknown[] = [];
  const originals: unknown[] = [];
  for (let turn = 0; turn < 12; turn++) {
    for (let i = below(6); i >= 0; i--) mutate(h.log, below, kept, originals);
    h.commit();
    agree(h);
  }
}

/** Changes a random container of the state, or one that was taken out of it. */
function mutate(log: StateLog, below: (n: number) => number, kept: unknown[], originals: unknown[]): void {
  let target: unknown = log.value;
  if (kept.length > 0 && below(5) === 0) target = kept[below(kept.length)];
  // What was assigned is changed behind the back of the state, before and after its commit.
  const isOriginal = originals.length > 0 && below(4) === 0;
  if (isOriginal) target = originals[below(originals.length)];
  for (let depth = below(4); depth > 0; depth--) {
    const children = childrenOf(target).filter((item) => typeof item === "object" && item !== null);
    if (children.length === 0) break;
    target = children[below(children.length)];
  }
  if (below(3) === 0 && !isOriginal) kept.push(target);
  const made = isOriginal ? randomValue(below, 1) : randomValue(below, 2);
  const again = originals.length > 0 && !isOriginal && below(8) === 0;
  const held = !isOriginal && kept.length > 0 && below(4) === 0 ? kept[below(kept.length)] : made;
  const value = again ? originals[below(originals.length)] : held;
  if (value === made && typeof made === "object" && made !== null && !isOriginal) originals.push(made);
  if (Array.isArray(target)) mutateArray(target, value, below, kept);
  else if (target instanceof Map) {
    if (below(8) === 0) target.clear();
    else if (below(3) === 0) target.delete([...target.keys()][below(target.size + 1)]);
    else target.set(below(6) === 0 ? randomValue(below, 1) : `k${below(4)}`, value);
  } else if (target instanceof Set) {
    if (below(8) === 0) target.clear();
    else if (below(3) === 0) target.delete([...target][below(target.size + 1)]);
    else target.add(value);
  } else if (target instanceof Date) target.setTime(below(1_000));
  else if (target instanceof Uint8Array) target.fill(below(256));
  else if (typeof target === "object" && target !== null) {
    const record = target as Record<string, unknown>;
    if (below(4) === 0) delete record[`k${below(4)}`];
    else record[target === log.value ? "root" : `k${below(4)}`] = value;
  }
}

function mutateArray(target: unknown[], value: unknown, below: (n: number) => number, kept: unknown[]): void {
  switch (below(11)) {
    case 0:
      kept.push(target.pop());
      return;
    case 1:
      kept.push(target.shift());
      return;
    case 2:
      target.unshift(value, below(9));
      return;
    case 3:
      kept.push(...target.splice(below(4) - 1, below(3), value));
      return;
    case 4:
      target.sort();
      return;
    case 5:
      target.reverse();
      return;
    case 6:
      target.length = below(5);
      return;
    case 7:
      target[below(6)] = value;
      return;
    case 8:
      target.copyWithin(below(3), below(3));
      return;
    case 9:
      [target[0], target[1]] = [target[1], target[0]];
      return;
    default:
      target.push(value);
  }
}

function childrenOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (value instanceof Map) return [...value.values(), ...value.keys()];
  if (value instanceof Set) return [...value];
  if (typeof value !== "object" || value === null) return [];
  return Object.getPrototypeOf(value) === Object.prototype ? Object.values(value) : [];
}

function randomValue(below: (n: number) => number, depth: number): unknown {
  const kind = below(depth > 0 ? 14 : 9);
  switch (kind) {
    case 0:
      return below(100);
    case 1:
      return `text ${below(10)}`;
    case 2:
      return BigInt(below(1_000));
    case 3:
      return undefined;
    case 4:
      return null;
    case 5:
      return below(2) === 0;
    case 6:
      return new Date(below(1_000));
    case 7:
      return new Uint8Array([below(256), below(256)]);
    case 8:
      return -0;
    case 9:
      return new Map([[`k${below(4)}`, randomValue(below, depth - 1)]]);
    case 10:
      return new Set([randomValue(below, depth - 1)]);
    case 11:
      return Array.from({ length: below(4) }, () => randomValue(below, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: below(4) }, (_, i) => [`k${i}`, randomValue(below, depth - 1)]),
      );
  }
}

function mulberry(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
