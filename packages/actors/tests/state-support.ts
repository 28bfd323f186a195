import assert from "node:assert/strict";
import { decodeState } from "../src/internal/state/patch.ts";
import { StateLog } from "../src/internal/state/state-log.ts";

export function harness(initial: unknown, inUse: () => boolean = () => false) {
  let changes = 0;
  const owner = { stateChanged: () => changes++ };
  let log = StateLog.create(initial, owner);
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
    get log() {
      return log;
    },
    commit,
    /** The committed state, in a new instance. */
    wake: () => {
      log = StateLog.load({ snapshot, patches }, owner);
    },
    state: () => log.value as never,
    replay: () => decodeState(snapshot, patches),
    changes: () => changes,
    patchBytes: () => patches.reduce((sum, patch) => sum + patch.length, 0),
  };
}

/** The live state without its proxies. */
export function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [plain(key), plain(item)]));
  if (value instanceof Set) return new Set([...value].map(plain));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

export function assertStored(h: ReturnType<typeof harness>): void {
  assert.deepEqual(h.replay(), plain(h.log.value));
}

/** A deep copy without shared objects and without array holes. */
export function deepClone(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Array.from(value, deepClone);
  if (value instanceof Map)
    return new Map([...value].map(([key, item]) => [deepClone(key), deepClone(item)]));
  if (value instanceof Set) return new Set([...value].map(deepClone));
  if (Object.getPrototypeOf(value) !== Object.prototype) return structuredClone(value);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, deepClone(item)]));
}

/** Converted to plain lists, so that the order counts, which `deepEqual` ignores. */
export function toOrderedLists(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Array.from(value, toOrderedLists);
  if (value instanceof Map)
    return ["map", ...[...value].map(([key, item]) => [toOrderedLists(key), toOrderedLists(item)])];
  if (value instanceof Set) return ["set", ...[...value].map(toOrderedLists)];
  if (value instanceof Error) return ["error", value.name, value.message];
  if (Object.getPrototypeOf(value) !== Object.prototype) return structuredClone(value);
  return ["object", ...Object.entries(value).map(([key, item]) => [key, toOrderedLists(item)])];
}
