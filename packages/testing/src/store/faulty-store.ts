import type { ActorStore } from "@holdfast/actors";

/** The operations of a store that can be made to fail. */
export type StoreOperation = Exclude<keyof ActorStore, "close">;

export interface StoreFault {
  readonly operation: StoreOperation;
  /** Which call of that operation fails, from 1. */
  readonly nth: number;
  /** `before`: nothing was applied. `after`: it was applied (and is durable), and still fails. */
  readonly when: "before" | "after";
  /** What the call rejects with; `store.unavailable` (before) or `store.indeterminate` (after) by default. */
  readonly error?: Error;
}

export interface FaultyStore extends ActorStore {
  /** How often each operation was called so far. */
  calls(operation: StoreOperation): number;
  /** Adds a fault while the test runs; `nth` counts from the store's first call. */
  plan(fault: StoreFault): void;
}

/** Wraps `store` so that the calls that `faults` names fail, before or after they are applied. */
export function faultyStore(_store: ActorStore, _faults: readonly StoreFault[] = []): FaultyStore {
  throw new Error("not built yet");
}
