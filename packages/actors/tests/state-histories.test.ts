import { describe, test } from "node:test";
import { types } from "node:util";
import type { StateLog } from "../src/internal/state/state-log.ts";
import { childrenOf, isObject, type RandomBelow, randomFrom, randomValue } from "./state-random.ts";
import { assertStored, harness } from "./state-support.ts";

describe("replay of snapshot and patches", () => {
  /** Histories that once exposed a bug. */
  const kept = [1_568, 5_196, 6_012, 6_639, 7_183, 8_939, 9_738, 18_511, 27_167, 211_939];
  const first = Number(process.env.FROM ?? 1);
  const some = Array.from({ length: Number(process.env.SEEDS ?? 300) }, (_, i) => i + first);
  const seeds = process.env.SEED ? [Number(process.env.SEED)] : [...some, ...kept];
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

/** With `inUse`, assigned values are also changed directly while they are retained. */
function randomRun(seed: number, inUse: boolean): void {
  const below = randomFrom(seed);
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
    assertStored(h);
  }
}

/** Changes a random container of the state, or one that was removed from it. */
function mutate(log: StateLog, below: RandomBelow, kept: unknown[], originals: unknown[]): void {
  let target: unknown = log.value;
  if (kept.length > 0 && below(5) === 0) target = kept[below(kept.length)];
  // Changes assigned values directly, before and after their commit.
  const isOriginal = originals.length > 0 && below(4) === 0;
  if (isOriginal) target = originals[below(originals.length)];
  for (let depth = below(4); depth > 0; depth--) {
    const children = childrenOf(target).filter(isObject);
    if (children.length === 0) break;
    target = children[below(children.length)];
  }
  if (below(3) === 0 && !isOriginal) kept.push(target);
  const made = isOriginal ? randomValue(below, 1) : randomValue(below, 2);
  const again = originals.length > 0 && !isOriginal && below(8) === 0;
  const held = !isOriginal && kept.length > 0 && below(4) === 0 ? kept[below(kept.length)] : made;
  const chosen = again ? originals[below(originals.length)] : held;
  // A plain value that contains itself is correctly rejected when it is assigned.
  const value = !types.isProxy(target) && holds(chosen, target) ? made : chosen;
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

function holds(value: unknown, item: unknown): boolean {
  return value === item || childrenOf(value).some((child) => holds(child, item));
}

function mutateArray(target: unknown[], value: unknown, below: RandomBelow, kept: unknown[]): void {
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
