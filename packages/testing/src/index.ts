/** Test doubles of this repository, and mail, git and container servers on loopback. */
export { actorStoreConformance, blobConformance, type StoreHarness } from "./conformance/actor-store.ts";
export { type ClusterStoreHarness, clusterStoreConformance } from "./conformance/cluster-store.ts";
export * from "./mock-model/index.ts";
export { afterTest } from "./store/after-test.ts";
export { type CuttingProxy, cuttingProxy } from "./store/cutting-proxy.ts";
export { type FaultyStore, faultyStore, type StoreFault, type StoreOperation } from "./store/faulty-store.ts";
export { type ManualClock, manualClock } from "./store/manual-clock.ts";
export { MemoryClusterStore } from "./store/memory-cluster-store.ts";
