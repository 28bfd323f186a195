export {
  type CommitFailure,
  type Duration,
  type SetupTestOptions,
  setupTest,
  type TestClock,
  type TestKit,
  type TestKit as SetupTestResult,
  type TestLifecycle,
} from "@holdfast/test-kit";
