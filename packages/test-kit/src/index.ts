/**
 * Test kit for applications, published as `holdfast/test`. Runs a registry in the process of the test. May use only
 * the public API of `actors`, `server` and `client`.
 */
export type { Duration } from "./duration.ts";
export { type SetupTestOptions, setupTest, type TestKit, type TestLifecycle } from "./setup-test.ts";
export type { CommitFailure } from "./test-store.ts";
export type { ProcessTasks, TestClock } from "./virtual-time.ts";
