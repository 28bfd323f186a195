/** Histories of a state whose objects are moved, kept, shared, and changed directly. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { applyRandomChange } from "./state-changes.ts";
import {
  childrenOf,
  isObject,
  type RandomBelow,
  randomDescendant,
  randomFrom,
  rareValue,
} from "./state-random.ts";
import { deepClone, harness, toOrderedLists } from "./state-support.ts";

describe("the stored state", () => {
  const seeds = process.env.SEED
    ? [Number(process.env.SEED)]
    : Array.from({ length: Number(process.env.SEEDS ?? 60) }, (_, i) => i + Number(process.env.FROM ?? 1));
  test("equals the live state, whatever programs do with its objects and with assigned values", () => {
    for (const seed of seeds) {
      try {
        history(seed, false);
        history(seed, true);
      } catch (error) {
        throw new Error(`SEED=${seed}`, { cause: error });
      }
    }
  });
});

/** References that a program holds. */
interface References {
  readonly below: RandomBelow;
  /** Views, and objects removed through them. */
  readonly views: unknown[];
  /** Assigned values, and objects within them. */
  readonly originals: unknown[];
}

function history(seed: number, held: boolean): void {
  const below = randomFrom(seed);
  const references: References = { below, views: [], originals: [] };
  let inUse = held;
  const h = harness({ root: rareValue(below, 3), list: [1], map: new Map(), set: new Set() }, () => inUse);
  const assertStored = (): void => assert.deepEqual(toOrderedLists(h.replay()), toOrderedLists(h.log.value));
  for (let turn = 0; turn < 10; turn++) {
    for (let i = below(6); i >= 0; i--) act(h.log, references);
    inUse = held && below(4) > 0;
    h.commit();
    assertStored();
    if (!inUse) assert.ok(isTree(h.log.raw), "an object has two places");
    if (below(6) === 0) {
      h.wake();
      references.views.length = references.originals.length = 0;
      assertStored();
    }
    if (below(4) === 0) transaction(h, references);
  }
}

function transaction(h: ReturnType<typeof harness>, references: References): void {
  const { below } = references;
  h.log.savepoint();
  const before = deepClone(h.log.value);
  for (let i = below(5); i >= 0; i--) act(h.log, references);
  if (below(2) === 0) {
    h.log.keep();
    return;
  }
  h.log.rollback();
  assert.deepEqual(toOrderedLists(h.log.value), toOrderedLists(before), "what is taken back");
  h.commit();
  assert.deepEqual(toOrderedLists(h.replay()), toOrderedLists(before));
}

function act(log: ReturnType<typeof harness>["log"], { below, views, originals }: References): void {
  const pick = (from: readonly unknown[]): unknown => from[below(from.length)];
  const isOriginal = originals.length > 0 && below(4) === 0;
  const start = isOriginal ? pick(originals) : views.length > 0 && below(4) === 0 ? pick(views) : log.value;
  const target = randomDescendant(start, below, below(4));
  if (below(3) === 0) (isOriginal ? originals : views).push(target);
  const make = (): unknown => {
    const made = rareValue(below, 2);
    // Assigns known values or views again: elsewhere, within new objects, or within another original.
    const kind = below(10);
    if (kind === 0 && originals.length > 0) {
      const again = pick(originals);
      // A cycle fails its commit.
      return isOriginal && reaches(again, target) ? made : again;
    }
    if (kind === 1 && views.length > 0 && !isOriginal) return pick(views);
    if (kind === 2 && views.length > 0 && !isOriginal) return { k0: pick(views), k1: made };
    if (kind === 3 && views.length > 0 && !isOriginal) return spread(pick(views));
    if (isObject(made)) originals.push(made);
    return made;
  };
  const before = isOriginal ? undefined : deepClone(log.value);
  try {
    if (!isOriginal && below(12) === 0) refusedOf(target, below);
    else applyRandomChange(target, below, make);
  } catch (error) {
    if (!(error instanceof TypeError) && !(error as Error).message.includes("cannot be stored")) throw error;
    if (before !== undefined && error instanceof Refused) {
      assert.deepEqual(toOrderedLists(log.value), toOrderedLists(before), "what was refused");
    }
  }
}

class Refused extends TypeError {}

/** Tries values that no state accepts. */
function refusedOf(target: unknown, below: RandomBelow): void {
  const bad = [() => 1, Symbol("bad"), new (class Odd {})(), { k0: [() => 1] }][below(4)];
  try {
    if (Array.isArray(target)) below(2) === 0 ? target.push(bad) : Object.freeze(target);
    else if (target instanceof Map) target.set("k0", bad);
    else if (target instanceof Set) target.add(bad);
    else if (isObject(target) && Object.getPrototypeOf(target) === Object.prototype) {
      below(2) === 0 ? Reflect.set(target, "k0", bad) : Object.setPrototypeOf(target, null);
    }
  } catch (error) {
    throw new Refused("refused", { cause: error });
  }
}

function spread(value: unknown): unknown {
  if (Array.isArray(value)) return [...value];
  if (value instanceof Map) return new Map(value);
  if (value instanceof Set) return new Set(value);
  return isObject(value) && Object.getPrototypeOf(value) === Object.prototype ? { ...value } : value;
}

function reaches(value: unknown, wanted: unknown): boolean {
  return value === wanted || childrenOf(value).some((child) => reaches(child, wanted));
}

function isTree(value: unknown, seen: Set<unknown> = new Set()): boolean {
  if (!isObject(value)) return true;
  if (seen.has(value)) return false;
  seen.add(value);
  return childrenOf(value).every((child) => isTree(child, seen));
}
