import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { decodeState } from "./patch.ts";
import { StateLog } from "./state-log.ts";

const open = { enumerable: true, configurable: true, writable: true };

test("defineProperty with an ordinary property works like an assignment", () => {
  const log = StateLog.create({ items: [1, 2], old: 1 }, { stateChanged: () => {} });
  const first = log.take();
  const state = log.value as { items: unknown[] };
  Object.defineProperties(state, { made: { ...open, value: { a: 1 } }, old: { value: 2 } });
  Object.defineProperty(state, "nothing", open);
  Object.defineProperty(state, "old", { enumerable: true });
  Object.defineProperty(state.items, 1, { value: 3 });
  Object.defineProperty(state.items, 2, { ...open, value: 4 });
  const expected = { items: [1, 3, 4], old: 2, made: { a: 1 }, nothing: undefined };
  assert.deepEqual({ ...state, items: [...state.items] }, expected);
  const change = log.take();
  assert.ok(first !== undefined && change !== undefined);
  assert.deepEqual(decodeState(first.bytes, [change.bytes]), expected);
});

test("a state rejects properties that it could not store", () => {
  const log = StateLog.create({ items: [] as unknown[], map: new Map() }, { stateChanged: () => {} });
  log.take();
  const state = log.value as { items: unknown[]; map: Map<string, unknown> & { x?: number } };
  const cases: [() => unknown, string][] = [
    [
      () => Object.defineProperty(state, "x", { get: () => 1, enumerable: true, configurable: true }),
      "state",
    ],
    [() => Object.defineProperty(state, "x", { ...open, enumerable: false, value: 1 }), "state"],
    [() => Object.defineProperty(state, "items", { value: [], writable: false }), "state"],
    [() => Object.defineProperty(state.items, "length", { value: 0 }), "state.items"],
    [() => Object.defineProperty(state.map, "x", { ...open, value: 1 }), "state.map"],
    [() => (state.map.x = 1), "state.map"],
  ];
  for (const [change, path] of cases) {
    assert.throws(change, (error) => {
      assert.ok(isErrorCode(error, "actor", "invalid_state_value"));
      assert.deepEqual(error.metadata, { path });
      return true;
    });
  }
  assert.equal(log.take(), undefined);
});
