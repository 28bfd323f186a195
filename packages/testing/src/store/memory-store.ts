import type { ActorStore } from "@holdfast/actors";
import type { Ports } from "@holdfast/core";

export interface MemoryStoreOptions {
  readonly ports: Ports;
}

/** An `ActorStore` in memory, for unit tests: nothing survives the process. */
export function createMemoryStore(_options: MemoryStoreOptions): ActorStore {
  throw new Error("not built yet");
}
