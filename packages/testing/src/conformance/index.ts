/** The conformance suites alone, for stores that are tested in another runtime. */
export { actorStoreConformance, type StoreHarness } from "./actor-store.ts";
