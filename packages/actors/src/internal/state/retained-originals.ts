import { actorLimits } from "../../limits.ts";
import { LazyMap } from "../util/lazy.ts";
import type { Node } from "./node.ts";
import { kindOf } from "./value.ts";

const { maxRetainedValues } = actorLimits;

interface Retained {
  /** The committed copy. */
  copy: unknown;
  readonly values: number;
  /** All objects and arrays within the value. */
  readonly objects: readonly object[];
  /** A view has changed it since: it is written completely, and replaced by a copy with the next commit. */
  touched: boolean;
}

/**
 * Assigned values that stay part of the state beyond a turn because the user code that assigned them is still running
 * and may still change them. No proxy reports those changes, so each commit compares them with the committed copy.
 * Only few, small objects and arrays qualify; the oldest are replaced by copies when there are too many.
 */
export class RetainedOriginals {
  readonly #retained = new LazyMap<Node, Retained>();
  /** The original that contains each object. */
  readonly #owners = new LazyMap<object, Node>();
  #values = 0;

  get isEmpty(): boolean {
    return this.#retained.size === 0;
  }

  has(root: Node): boolean {
    return this.#retained.has(root);
  }

  /**
   * Returns false if the value is too large for repeated comparisons, or shares an object with another original: the
   * state is a tree, so shared objects have to be copied.
   */
  add(root: Node, copy: unknown): boolean {
    const objects: object[] = [];
    const values = countValues(root.raw, maxRetainedValues, objects);
    if (values > maxRetainedValues) return false;
    for (const object of objects) if ((this.#owners.get(object) ?? root) !== root) return false;
    this.drop(root);
    this.#retained.set(root, { copy, values, objects, touched: false });
    for (const object of objects) this.#owners.set(object, root);
    this.#values += values;
    return true;
  }

  drop(root: Node): void {
    const retained = this.#retained.get(root);
    if (retained === undefined) return;
    this.#values -= retained.values;
    for (const object of retained.objects) this.#owners.delete(object);
    this.#retained.delete(root);
  }

  clear(): void {
    this.#retained.clear();
    this.#owners.clear();
    this.#values = 0;
  }

  /** Marks the outermost original that contains `node`: it is written completely from now on. */
  touch(node: Node): Node | undefined {
    let root: Node | undefined;
    for (let at: Node | undefined = node; at !== undefined; at = at.parent)
      if (this.#retained.has(at)) root = at;
    const retained = root === undefined ? undefined : this.#retained.get(root);
    if (retained !== undefined) retained.touched = true;
    return root;
  }

  /** Called when `node` leaves the state: originals within it are retained until the next commit only. */
  detached(node: Node): void {
    for (const [root, retained] of this.#retained) {
      for (let at: Node | undefined = root; at !== undefined; at = at.parent)
        if (at === node) retained.touched = true;
    }
  }

  isTouched(root: Node): boolean {
    return this.#retained.get(root)?.touched === true;
  }

  /** Originals that differ from their committed copies, with those copies. */
  changed(): (readonly [root: Node, committed: unknown])[] {
    const changed: (readonly [Node, unknown])[] = [];
    for (const [root, { copy, touched }] of this.#retained) {
      if (!touched && root.parent !== undefined && !sameTree(root.raw, copy)) changed.push([root, copy]);
    }
    return changed;
  }

  /** The oldest originals beyond the limit. */
  surplus(): Node[] {
    const surplus: Node[] = [];
    let values = this.#values;
    for (const [root, retained] of this.#retained) {
      if (values <= maxRetainedValues) break;
      surplus.push(root);
      values -= retained.values;
    }
    return surplus;
  }
}

/** Counts objects, arrays, their items, and every 16 bytes; stops beyond `limit`. */
function countValues(value: unknown, limit: number, objects: object[]): number {
  if (typeof value !== "object" || value === null) return 1;
  // Maps and sets are not retained: user code changes them through the state.
  if (value instanceof Map || value instanceof Set) return limit + 1;
  objects.push(value);
  let count = 1 + Math.ceil((bytesOf(value)?.length ?? 0) / 16);
  for (const item of itemsOf(value)) {
    count += countValues(item, limit - count, objects);
    if (count > limit) break;
  }
  return count;
}

function itemsOf(value: object): readonly unknown[] {
  switch (kindOf(value)) {
    case "array":
      return value as readonly unknown[];
    case "object":
      return Object.values(value);
    default:
      return [];
  }
}

/** True if two trees are equal, including the order of keys. `b` is a tree; `a` may have changed into anything. */
function sameTree(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || a === null || typeof b !== "object" || b === null) return Object.is(a, b);
  const kind = kindOf(b);
  if (kindOf(a) !== kind) return false;
  switch (kind) {
    case "array":
      return sameItems(a as readonly unknown[], b as readonly unknown[]);
    case "object":
      return sameObject(a as Record<string, unknown>, b as Record<string, unknown>);
    default:
      return sameLeaf(a, b);
  }
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < b.length; i++) if (!sameTree(a[i], b[i])) return false;
  return true;
}

function sameObject(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const keys = Object.keys(b);
  const now = Object.keys(a);
  if (now.length !== keys.length) return false;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i] ?? "";
    if (now[i] !== key || !sameTree(a[key], b[key])) return false;
  }
  return true;
}

function sameLeaf(a: object, b: object): boolean {
  if (a instanceof Date) return b instanceof Date && Object.is(a.getTime(), b.getTime());
  if (a instanceof Error) return b instanceof Error && a.name === b.name && a.message === b.message;
  if (a instanceof RegExp) return b instanceof RegExp && String(a) === String(b);
  const [left, right] = [bytesOf(a), bytesOf(b)];
  if (left === undefined || right === undefined || left.length !== right.length) return false;
  return left.every((byte, index) => byte === right[index]);
}

function bytesOf(value: object): Uint8Array | undefined {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return undefined;
}
