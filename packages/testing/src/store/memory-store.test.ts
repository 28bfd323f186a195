import { actorStoreConformance } from "../conformance/actor-store.ts";
import { createMemoryStore } from "./memory-store.ts";

actorStoreConformance("memory", async (ports) => {
  const store = createMemoryStore({ ports });
  return { store, dispose: () => store.close() };
});
