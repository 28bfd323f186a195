import { decodeValue, encodeValue, HoldfastError } from "@holdfast/core";
import { maxStateDepth, type Path, type Step, setOwn } from "./value.ts";
import { assignIndex, resizeArray, spliceArray } from "./views/array.ts";

/**
 * Disk format of a state, version 1: a format byte, then the CBOR of the value (a snapshot) or of an array of
 * operations (a patch). Published versions never change; golden files pin them.
 */
const format = 1;

/** Operation codes of format 1. */
export const op = {
  /** [0, path, value]: assigns at an object's key, an array's index or a map's key; [] is the state. */
  set: 0,
  /** [1, path]: removes an object's key, a map's key or a set's item. */
  delete: 1,
  /** [2, path, start, deleteCount, items]: on an array. */
  splice: 2,
  /** [3, path, length]: of an array. */
  length: 3,
  /** [4, path, item]: adds an item to a set. */
  add: 4,
  /** [5, path]: clears a map or set. */
  clear: 5,
  /** [6, path, order]: reorders an array; its new item i is the old item order[i]. */
  reorder: 6,
} as const;

export type Operation =
  | [code: typeof op.set, path: Path, value: unknown]
  | [code: typeof op.delete, path: Path]
  | [code: typeof op.splice, path: Path, start: number, deleteCount: number, items: readonly unknown[]]
  | [code: typeof op.length, path: Path, length: number]
  | [code: typeof op.add, path: Path, item: unknown]
  | [code: typeof op.clear, path: Path]
  | [code: typeof op.reorder, path: Path, order: readonly number[]];

export function encodeSnapshot(state: unknown): Uint8Array {
  return versioned(encodeValue(state));
}

export function encodePatch(operations: readonly Operation[]): Uint8Array {
  return versioned(encodeValue(operations));
}

function versioned(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length + 1);
  bytes[0] = format;
  bytes.set(body, 1);
  return bytes;
}

/** Rebuilds a state. Throws `store.corrupt_state`, and `store.unknown_format` for bytes of a newer version. */
export function decodeState(snapshot: Uint8Array, patches: readonly Uint8Array[]): unknown {
  const holder = { value: decodeBody(snapshot) };
  for (const patch of patches) {
    const operations = decodeBody(patch);
    if (!Array.isArray(operations)) throw corrupt("a patch is not a list");
    for (const operation of operations) apply(holder, operation);
  }
  return holder.value;
}

function decodeBody(bytes: Uint8Array): unknown {
  if (bytes[0] !== format) {
    throw new HoldfastError(
      "store",
      "unknown_format",
      `A stored state has format ${bytes[0] ?? "none"}; this version reads up to ${format}`,
    );
  }
  // Tags and the arrays of a patch add nesting levels to those of the value.
  return decodeValue(bytes.subarray(1), { maxDepth: maxStateDepth * 4 + 16 });
}

interface Holder {
  value: unknown;
}

function apply(holder: Holder, operation: unknown): void {
  if (!Array.isArray(operation)) throw corrupt("an operation is not a list");
  const [code, path, first, second, third]: unknown[] = operation;
  if (!Array.isArray(path)) throw corrupt("a path is not a list");
  const steps: readonly Step[] = path;
  switch (code) {
    case op.set:
      return assign(holder, steps, first);
    case op.delete:
      return remove(resolve(holder, steps.slice(0, -1)), steps.at(-1));
    case op.splice:
      spliceArray(arrayAt(holder, steps), integer(first), integer(second), arrayOf(third));
      return;
    case op.length:
      return resizeArray(arrayAt(holder, steps), integer(first));
    case op.add: {
      const target = resolve(holder, steps);
      if (!(target instanceof Set)) throw corrupt("an item is added to a value that is not a set");
      target.add(first);
      return;
    }
    case op.clear: {
      const target = resolve(holder, steps);
      if (!(target instanceof Set || target instanceof Map))
        throw corrupt("a cleared value is not a set or map");
      target.clear();
      return;
    }
    case op.reorder:
      return reorder(arrayAt(holder, steps), arrayOf(first));
    default:
      throw corrupt("an operation is unknown");
  }
}

function resolve(holder: Holder, path: readonly Step[]): unknown {
  let target = holder.value;
  for (const step of path) {
    if (target instanceof Map) target = target.get(step);
    else if (Array.isArray(target) && typeof step === "number") target = target[step];
    else if (isRecord(target) && typeof step === "string" && Object.hasOwn(target, step))
      target = target[step];
    else throw corrupt("a path does not exist");
  }
  return target;
}

function assign(holder: Holder, path: readonly Step[], value: unknown): void {
  if (path.length === 0) {
    holder.value = value;
    return;
  }
  const target = resolve(holder, path.slice(0, -1));
  const step = path.at(-1);
  if (target instanceof Map) target.set(step, value);
  else if (Array.isArray(target) && typeof step === "number") assignIndex(target, step, value);
  else if (isRecord(target) && typeof step === "string") setOwn(target, step, value);
  else throw corrupt("a value is assigned to a value that is not a container");
}

function remove(target: unknown, step: Step): void {
  if (target instanceof Map || target instanceof Set) target.delete(step);
  else if (isRecord(target) && typeof step === "string") delete target[step];
  else throw corrupt("a value is removed from a value that is not a container");
}

function reorder(target: unknown[], order: readonly unknown[]): void {
  const before = target.slice();
  if (order.length !== before.length) throw corrupt("an order and its array differ in length");
  for (let i = 0; i < order.length; i++) target[i] = before[integer(order[i])];
}

function arrayAt(holder: Holder, path: readonly Step[]): unknown[] {
  return arrayOf(resolve(holder, path));
}

function arrayOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw corrupt("a list is missing");
}

function integer(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw corrupt("an index is missing");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function corrupt(why: string): HoldfastError {
  return new HoldfastError("store", "corrupt_state", `A stored state cannot be read: ${why}`);
}
