import assert from "node:assert/strict";
import { decodeState } from "../src/internal/state/patch.ts";
import { StateLog } from "../src/internal/state/state-log.ts";

export function harness(initial: unknown, inUse: () => boolean = () => false) {
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
export function plain(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return new Map([...value].map(([key, item]) => [plain(key), plain(item)]));
  if (value instanceof Set) return new Set([...value].map(plain));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
}

export function agree(h: ReturnType<typeof harness>): void {
  assert.deepEqual(h.replay(), plain(h.log.value));
}
