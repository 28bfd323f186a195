import type { ActorKeyInput } from "@holdfast/core";
import { normalizeKey } from "@holdfast/core";
import { MastraCompositeStore } from "@mastra/core/storage";
import type { MastraClient } from "./actors.ts";
import { HoldfastMemory } from "./memory/memory-storage.ts";
import { HoldfastThreadStates } from "./memory/thread-states.ts";
import { HoldfastWorkflows } from "./workflows/workflow-storage.ts";

/** Options of {@link HoldfastStorage}. */
export interface HoldfastStorageOptions {
  /** Name of the storage in Mastra: "holdfast" by default. */
  readonly id?: string;
  /** Key of the actors: storages with different keys share nothing. "default" by default. */
  readonly key?: ActorKeyInput;
}

/**
 * Storage of Mastra in actors: memory (threads, messages, resources), states of threads, and runs of workflows. What a
 * method stored is durable when it resolves. Errors: `adapter.actor_missing`, `adapter.call_too_large`, and those of calls.
 */
export class HoldfastStorage extends MastraCompositeStore {
  /** `client` is `registry.client`, or one of `createClient` for a registry with `mastraActors`. */
  constructor(client: MastraClient, options: HoldfastStorageOptions = {}) {
    super({ id: options.id ?? "holdfast", name: "HoldfastStorage" });
    const key = normalizeKey(options.key ?? "default");
    this.stores = {
      memory: new HoldfastMemory(client, key),
      workflows: new HoldfastWorkflows(client, key),
      threadState: new HoldfastThreadStates(client, key),
    };
  }
}
