/** The stores that tests run on. Their suites select one by HOLDFAST_TEST_STORE: see packages/testing/src/backends. */
export const testStores = ["sqlite", "cluster"] as const;
export type TestStore = (typeof testStores)[number];

/** A test file on one of the stores. */
export interface TestRun {
  readonly path: string;
  readonly store: TestStore;
  /** For people, and for the times of earlier runs. */
  readonly name: string;
}

/**
 * Suites of actors that reach them by their gateway: three nodes over PostgreSQL must behave as one process does. The
 * files of the server that are left out are about one process: how its gateway is mounted, what it refuses, prints and
 * measures, and its clock.
 */
const clusterSuites = [
  /^packages\/server\/tests\/(?!adapters|bad-input|liveness|listening|metrics|openapi|run-wake|schedule-day|schedule-faults|tracing|unawaited-sends)/,
  /^packages\/actors\/tests\/workflow-(children|kill)/,
  /^packages\/holdfast\/tests\/actors\./,
  /^packages\/react\/tests\/browser/,
  /^tests\/compat\/compat\./,
];

/** The runs of these files: all on SQLite, and the suites of actors on a cluster, too. */
export function runsOf(paths: readonly string[], stores: readonly TestStore[]): TestRun[] {
  return stores.flatMap((store) =>
    paths
      .filter((path) => store === "sqlite" || clusterSuites.some((suite) => suite.test(path)))
      .map((path) => ({ path, store, name: store === "sqlite" ? path : `${path} on a cluster` })),
  );
}
