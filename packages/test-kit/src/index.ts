/**
 * Test kit for programs made of actors, published as `holdfast/test`. Runs a registry in the test's own
 * process; may use `actors`, `server` and `client` through their public surface only.
 */
export type { Duration } from "./duration.ts";
export { type SetupTestOptions, setupTest, type TestKit, type TestLifecycle } from "./setup-test.ts";
export type { CommitFailure } from "./test-store.ts";
export type { ProcessTasks, TestClock } from "./virtual-time.ts";
