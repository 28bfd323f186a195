export type { Duration } from "./duration.ts";
export type { CommitFailure } from "./kit-store.ts";
export { type SetupTestOptions, setupTest, type TestKit, type TestLifecycle } from "./setup-test.ts";
export type { TestClock } from "./virtual-time.ts";
