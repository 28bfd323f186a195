import type { ActorStore } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";

/** What the suite asks of the implementation under test. */
export interface StoreHarness {
  readonly store: ActorStore;
  /** Closes the store and opens it again on the same data; absent for a store that keeps none. */
  reopen?(): Promise<ActorStore>;
  /** Closes the store and removes its data. */
  dispose(): Promise<void>;
}

/** Registers, with `node:test`, the cases that every `ActorStore` passes. */
export function actorStoreConformance(_name: string, _open: (ports: Ports) => Promise<StoreHarness>): void {
  throw new Error("not built yet");
}
