export { actorStoreConformance, type StoreHarness } from "./conformance/actor-store.ts";
export type { Duration } from "./kit/duration.ts";
export type { CommitFailure } from "./kit/kit-store.ts";
export { type SetupTestOptions, setupTest, type TestKit, type TestLifecycle } from "./kit/setup-test.ts";
export type { TestClock } from "./kit/virtual-time.ts";
export * from "./mock-model/index.ts";
export { type FaultyStore, faultyStore, type StoreFault, type StoreOperation } from "./store/faulty-store.ts";
export { type ManualClock, manualClock } from "./store/manual-clock.ts";
export { createMemoryStore, type MemoryStoreOptions } from "./store/memory-store.ts";
