import type { TestRun } from "./test-run.ts";

/**
 * The order of the test files. What takes longest starts first, so that no core waits for one long
 * file at the end. The whole-system suites (`tests/x`) each install, build or start something that
 * their files share: the files of one suite run one after the other, beside those of other suites.
 */
export class TestSchedule {
  readonly #waiting: TestRun[];
  readonly #seconds: ReadonlyMap<string, number>;
  readonly #busySuites = new Set<string>();

  /** `seconds`: how long files took before; a file that is not in it is taken to be short. */
  constructor(runs: readonly TestRun[], seconds: ReadonlyMap<string, number>) {
    this.#seconds = seconds;
    this.#waiting = [...runs].sort((a, b) => this.#secondsOf(b) - this.#secondsOf(a));
  }

  /** The file to start now; undefined when none can start before another has ended. */
  take(): TestRun | undefined {
    let best: TestRun | undefined;
    let bestSeconds = -1;
    for (const run of this.#waiting) {
      const suite = suiteOf(run);
      if (suite !== undefined && this.#busySuites.has(suite)) continue;
      const seconds = suite === undefined ? this.#secondsOf(run) : this.#secondsOfSuite(suite);
      if (seconds <= bestSeconds) continue;
      best = run;
      bestSeconds = seconds;
    }
    if (best === undefined) return undefined;
    this.#waiting.splice(this.#waiting.indexOf(best), 1);
    const suite = suiteOf(best);
    if (suite !== undefined) this.#busySuites.add(suite);
    return best;
  }

  ended(run: TestRun): void {
    const suite = suiteOf(run);
    if (suite !== undefined) this.#busySuites.delete(suite);
  }

  #secondsOf({ name }: TestRun): number {
    return this.#seconds.get(name) ?? 1;
  }

  /** What is left of a suite: it is as long as all its files together. */
  #secondsOfSuite(suite: string): number {
    return this.#waiting
      .filter((run) => suiteOf(run) === suite)
      .reduce((sum, run) => sum + this.#secondsOf(run), 0);
  }
}

function suiteOf({ path }: TestRun): string | undefined {
  return /^tests\/[^/]+(?=\/)/.exec(path)?.[0];
}
