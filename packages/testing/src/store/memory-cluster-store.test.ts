import { clusterStoreConformance } from "../conformance/cluster-store.ts";
import { MemoryClusterStore } from "./memory-cluster-store.ts";

clusterStoreConformance("leases in memory", async () => ({
  async open() {
    const store = new MemoryClusterStore(() => performance.now());
    return [store, store];
  },
  async dispose() {},
}));
