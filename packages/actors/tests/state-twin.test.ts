/** A state behaves like the same plain values: the same results, order and contents. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { applyRandomChange } from "./state-changes.ts";
import { childrenOf, isObject, randomFrom, rareValue } from "./state-random.ts";
import { deepClone, harness, toOrderedLists } from "./state-support.ts";

describe("a state and its plain twin", () => {
  const seeds = process.env.SEED
    ? [Number(process.env.SEED)]
    : Array.from({ length: Number(process.env.SEEDS ?? 80) }, (_, i) => i + Number(process.env.FROM ?? 1));
  test("are equal after the same changes, also after commits, rollbacks and wakes", () => {
    for (const seed of seeds) {
      try {
        twins(seed);
      } catch (error) {
        throw new Error(`SEED=${seed}`, { cause: error });
      }
    }
  });
});

function twins(seed: number): void {
  const below = randomFrom(seed);
  const h = harness({ root: rareValue(below, 3), list: [3, 1, 2], map: new Map(), set: new Set([1]) });
  let twin: unknown = h.replay();
  const step = (): void => {
    const path = Array.from({ length: below(4) }, () => below(1_000));
    const again = below(1_000_000_000);
    const [done, wanted] = [h.log.value, twin].map((value) => act(reach(value, path), again));
    assert.deepEqual(done, wanted, "what a change returns");
    // An object at two positions of the twin is two objects in the state.
    twin = deepClone(twin);
    assert.deepEqual(toOrderedLists(h.log.value), toOrderedLists(twin));
  };
  for (let turn = 0; turn < 8; turn++) {
    for (let i = below(5); i >= 0; i--) step();
    h.commit();
    assert.deepEqual(toOrderedLists(h.replay()), toOrderedLists(twin));
    if (below(4) === 0) h.wake();
    if (below(4) > 0) continue;
    const before = deepClone(twin);
    h.log.savepoint();
    for (let i = below(5); i >= 0; i--) step();
    if (below(2) === 0) h.log.keep();
    else {
      h.log.rollback();
      twin = before;
    }
    assert.deepEqual(toOrderedLists(h.log.value), toOrderedLists(twin));
  }
}

/** The same path in the state and in its twin. */
function reach(value: unknown, path: readonly number[]): unknown {
  let at = value;
  for (const step of path) {
    const children = childrenOf(at).filter(isObject);
    if (children.length === 0) break;
    at = children[step % children.length];
  }
  return at;
}

function act(target: unknown, seed: number): unknown {
  const below = randomFrom(seed);
  try {
    return toOrderedLists(applyRandomChange(target, below, () => rareValue(below, 2)));
  } catch (error) {
    return error instanceof Error ? error.name : error;
  }
}
