/** Where the actors of tests are: in this process, or on nodes that the test does not reach directly. */
export type TestStore = "sqlite" | "cluster";

export const testStore: TestStore = chosen(process.env["HOLDFAST_TEST_STORE"]);

/** Number of nodes that run actors. */
export const runningNodes = testStore === "cluster" ? 2 : 1;

/** The test runner counts such skips apart: see tools/test/reporter.ts. */
const reasonPrefix = "about one process: ";

/**
 * For the option `skip` of a test that a cluster cannot pass, because it is about the embedded store or about one
 * process. False on SQLite.
 */
export function embeddedOnly(reason: string): string | false {
  return testStore === "cluster" && `${reasonPrefix}${reason}`;
}

function chosen(value: string | undefined): TestStore {
  if (value === undefined || value === "" || value === "sqlite") return "sqlite";
  if (value === "cluster") return "cluster";
  throw new Error(`HOLDFAST_TEST_STORE is "${value}". Set it to "sqlite" or "cluster"`);
}
