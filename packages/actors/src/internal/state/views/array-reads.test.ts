import assert from "node:assert/strict";
import { test } from "node:test";
import { StateLog } from "../state-log.ts";

interface State {
  items: { id: number; done?: boolean }[];
  numbers: number[];
}

function watched(): { readonly state: State; readonly log: StateLog; readonly bare: State } {
  const make = (): State => ({ items: [{ id: 1 }, { id: 2 }, { id: 3 }], numbers: [3, 1, 2] });
  const log = StateLog.create(make(), { stateChanged: () => {} });
  log.take();
  return { state: log.value as State, log, bare: make() };
}

/** The live state equals the state that a store would load. */
function assertStored(log: StateLog, before: Uint8Array): void {
  const change = log.take();
  assert.ok(change !== undefined);
  const stored =
    change.type === "snapshot"
      ? { snapshot: change.bytes, patches: [] }
      : { snapshot: before, patches: [change.bytes] };
  assert.deepEqual(StateLog.decode(stored), structuredClone(plain(log.value)));
}

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test("reading methods return the same as those of an array", () => {
  const { state, bare } = watched();
  const each = (read: (of: State) => unknown): void => assert.deepEqual(read(state), read(bare));
  each((s) => s.numbers.map((n, i) => n * 10 + i));
  each((s) => s.numbers.filter((n) => n > 1));
  each((s) => s.numbers.reduce((sum, n) => sum + n));
  each((s) => s.numbers.reduce((sum, n) => sum + n, 100));
  each((s) => [
    s.numbers.find((n) => n < 3),
    s.numbers.find((n) => n > 9),
    s.numbers.findIndex((n) => n > 1 && n < 3),
  ]);
  each((s) => [s.numbers.some((n) => n > 2), s.numbers.every((n) => n > 2), s.numbers.includes(1)]);
  each((s) => [s.numbers.indexOf(2), s.numbers.indexOf(9), s.numbers.indexOf(3, 1)]);
  each((s) => [s.numbers.slice(1), s.numbers.slice(-2, -1), s.numbers.slice(5), s.numbers.slice()]);
  each((s) => [s.numbers.at(0), s.numbers.at(-1), s.numbers.at(7), s.numbers.at(-4)]);
  each((s) => [[...s.numbers], [...s.numbers.values()], [...s.numbers.entries()], [...s.numbers.keys()]]);
  each((s) => [
    s.numbers.join("-"),
    s.numbers.toSorted(),
    s.numbers.concat([4]),
    s.numbers.flatMap((n) => [n, n]),
  ]);
  each((s) => [...s.numbers.values().map((n) => n + 1)]);
  const [first, ...rest] = state.numbers;
  assert.deepEqual([first, rest], [3, [1, 2]]);
  assert.throws(() => ([] as number[]).reduce((sum) => sum), TypeError);
  state.numbers.length = 0;
  assert.throws(() => state.numbers.reduce((sum) => sum), TypeError);
});

function mark(item: { done?: boolean }): undefined {
  item.done = true;
}

test("changes of items returned by reading methods are recorded", () => {
  const ways: ((s: State) => void)[] = [
    (s) => {
      for (const item of s.items) item.done = true;
    },
    (s) => s.items.forEach(mark),
    (s) => void s.items.map(mark),
    (s) => s.items.filter((item) => item.id > 1).forEach(mark),
    (s) => void Object.assign(s.items.find((item) => item.id === 2) ?? {}, { done: true }),
    (s) => void Object.assign(s.items.at(-1) ?? {}, { done: true }),
    (s) => void Object.assign(s.items.slice(1)[0] ?? {}, { done: true }),
    (s) => s.items.reduce((_, item) => mark(item), undefined),
    (s) => s.items.forEach((_, index, all) => void all.splice(index, 1, { id: 9 })),
  ];
  for (const way of ways) {
    const { log } = watched();
    const before = snapshotOf(log);
    way(log.value as State);
    assertStored(log, before);
  }
});

/** A snapshot of the current state, with no changes pending. */
function snapshotOf(log: StateLog): Uint8Array {
  log.value = plain(log.value);
  const change = log.take();
  assert.ok(change?.type === "snapshot");
  return change.bytes;
}

test("an item is found by its view, even after other items have moved", () => {
  const { state, log } = watched();
  const second = state.items[1];
  assert.ok(second !== undefined);
  assert.equal(state.items.indexOf(second), 1);
  assert.ok(state.items.includes(second));
  const before = snapshotOf(log);
  const items = (log.value as State).items;
  const last = items[2];
  assert.ok(last !== undefined);
  items.shift();
  items.unshift({ id: 7 }, { id: 8 });
  last.done = true;
  assert.equal(items[3], last);
  assertStored(log, before);
});

test("an iterator sees items that are added during the iteration, and stays at its end", () => {
  const { state } = watched();
  const seen: number[] = [];
  for (const n of state.numbers) {
    seen.push(n);
    if (seen.length < 3) state.numbers.push(n * 10);
  }
  assert.deepEqual(seen, [3, 1, 2, 30, 10]);
  const iterator = state.numbers.values();
  for (const _ of iterator);
  state.numbers.push(5);
  assert.deepEqual(iterator.next(), { done: true, value: undefined });
});

type Visit = (n: number, index: number) => boolean;

test("a callback that adds or removes items sees the same as with a plain array", () => {
  const reads: [string, (of: number[], visit: Visit) => unknown][] = [
    ["forEach", (of, visit) => of.forEach(visit)],
    ["map", (of, visit) => of.map(visit)],
    ["filter", (of, visit) => of.filter(visit)],
    ["find", (of, visit) => of.find(visit)],
    ["findIndex", (of, visit) => of.findIndex(visit)],
    ["some", (of, visit) => of.some(visit)],
    ["every", (of, visit) => of.every((n, index) => !visit(n, index))],
    ["reduce", (of, visit) => of.reduce((sum, n, index) => sum + (visit(n, index) ? n : 0), 0)],
  ];
  const changes: [string, (of: number[], index: number) => void][] = [
    ["push", (of, index) => void of.push(index)],
    ["pop", (of) => void of.pop()],
    ["shift", (of) => void of.shift()],
    ["empty", (of) => void of.splice(0)],
  ];
  for (const [read, way] of reads) {
    for (const [name, change] of changes) {
      const run = (of: number[]): unknown => {
        const seen: unknown[] = [];
        const result = way(of, (n, index) => {
          seen.push([n, index]);
          if (seen.length > 20) throw new Error(`${read} does not end`);
          change(of, index);
          return n === 99;
        });
        const length = Array.isArray(result) ? result.length : undefined;
        return { seen, result, length, left: [...of] };
      };
      assert.deepEqual(run(watched().state.numbers), run([3, 1, 2]), `${read} with ${name}`);
    }
  }
});

test("each step of an iterator returns a separate result with the current view", () => {
  const { state } = watched();
  const iterator = state.items.values();
  const first = iterator.next();
  state.items[1] = { id: 20 };
  const second = iterator.next();
  assert.notEqual(first, second);
  assert.equal(first.value, state.items[0]);
  assert.deepEqual(second, { done: false, value: { id: 20 } });
  assert.equal(second.value, state.items[1]);
  state.items.shift();
  assert.equal(state.items[0], second.value);
  assert.deepEqual(iterator.next(), { done: true, value: undefined });
});

test("items at high indexes are reached like those at low ones", () => {
  const log = StateLog.create(
    { items: Array.from({ length: 3_000 }, (_, id) => ({ id })) },
    { stateChanged() {} },
  );
  const { items } = log.value as State;
  for (const index of [2_999, 0, 1_500, 2_999, 1_024, 1_025, 1_026]) {
    assert.equal(items[index], items[index]);
    assert.equal(items[index]?.id, index);
  }
});
