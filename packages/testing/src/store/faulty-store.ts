import type { ActorStore } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";

/** Store operations that can be made to fail. */
export type StoreOperation = Exclude<keyof ActorStore, "close" | "databases" | "blobs" | "history">;

export interface StoreFault {
  readonly operation: StoreOperation;
  /** Number of the call that fails, starting at 1. */
  readonly nth: number;
  /** `before`: nothing is applied. `after`: the call is applied (and durable), but fails. */
  readonly when: "before" | "after";
  /** Error of the call. Default: `store.unavailable` (before) or `store.indeterminate` (after). */
  readonly error?: Error;
}

export interface FaultyStore extends ActorStore {
  /** Number of calls of an operation so far. */
  calls(operation: StoreOperation): number;
  /** Adds a fault during the test; `nth` counts from the store's first call. */
  plan(fault: StoreFault): void;
}

/** Wraps `store` to fail the calls in `faults`, before or after they are applied. */
export function faultyStore(store: ActorStore, faults: readonly StoreFault[] = []): FaultyStore {
  const planned = [...faults];
  const counts = new Map<StoreOperation, number>();
  const run = async <T>(operation: StoreOperation, call: () => Promise<T>): Promise<T> => {
    const nth = (counts.get(operation) ?? 0) + 1;
    counts.set(operation, nth);
    const fault = planned.find((candidate) => candidate.operation === operation && candidate.nth === nth);
    if (fault?.when === "before") throw fault.error ?? unavailable();
    const value = await call();
    if (fault?.when === "after") throw fault.error ?? indeterminate();
    return value;
  };
  return {
    find: (name, key) => run("find", () => store.find(name, key)),
    get: (id) => run("get", () => store.get(id)),
    list: (query) => run("list", () => store.list(query)),
    count: (filter) => run("list", () => store.count(filter)),
    acquire: (id) => run("acquire", () => store.acquire(id)),
    commit: (batch) => run("commit", () => store.commit(batch)),
    call: (actorId, key) => run("call", () => store.call(actorId, key)),
    kvGet: (actorId, key) => run("kvGet", () => store.kvGet(actorId, key)),
    kvList: (actorId, range) => run("kvList", () => store.kvList(actorId, range)),
    due: (...args) => run("due", () => store.due(...args)),
    databases: store.databases,
    blobs: store.blobs,
    history: store.history,
    close: () => store.close(),
    calls: (operation) => counts.get(operation) ?? 0,
    plan: (fault) => void planned.push(fault),
  };
}

function unavailable(): HoldfastError {
  return new HoldfastError("store", "unavailable", "The store is unavailable (injected by the test)");
}

function indeterminate(): HoldfastError {
  return new HoldfastError(
    "store",
    "indeterminate",
    "The outcome of the commit is unknown (injected by the test)",
  );
}
