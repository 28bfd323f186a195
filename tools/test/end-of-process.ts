/**
 * Loaded before a test file: ends the process when it still runs long after its last test, and says what kept it. What
 * a test left open is a failure that should cost seconds, not the time that a process may take.
 */
import { after } from "node:test";

/** Set by `run-process.ts`. */
export const lingerVariable = "HOLDFAST_TEST_LINGER_MS";

const lingerMs = Number(process.env[lingerVariable]);
// Processes that the tests start are no test files.
delete process.env[lingerVariable];

if (lingerMs > 0) {
  after(() => {
    setTimeout(() => {
      const left = process.getActiveResourcesInfo().join(", ");
      console.error(`The process still runs ${lingerMs} ms after its last test, kept by: ${left}`);
      process.exit(1);
    }, lingerMs).unref();
  });
}
