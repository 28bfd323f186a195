import type { TestProcess } from "./test-process.ts";

/**
 * The order of the processes of tests. What takes longest starts first, so that no core waits for one long
 * file at the end. The whole-system suites (`tests/x`) each install, build or start something that
 * their files share: the files of one suite run one after the other, beside those of other suites.
 */
export class TestSchedule {
  readonly #waiting: TestProcess[];
  readonly #seconds: ReadonlyMap<string, number>;
  readonly #busySuites = new Set<string>();

  /** `seconds`: how long files took before; a file that is not in it is taken to be short. */
  constructor(processes: readonly TestProcess[], seconds: ReadonlyMap<string, number>) {
    this.#seconds = seconds;
    this.#waiting = [...processes].sort((a, b) => this.#secondsOf(b) - this.#secondsOf(a));
  }

  /** The process to start now; undefined when none can start before another has ended. */
  take(): TestProcess | undefined {
    let best: TestProcess | undefined;
    let bestSeconds = -1;
    for (const process of this.#waiting) {
      const suite = suiteOf(process);
      if (suite !== undefined && this.#busySuites.has(suite)) continue;
      const seconds = suite === undefined ? this.#secondsOf(process) : this.#secondsOfSuite(suite);
      if (seconds <= bestSeconds) continue;
      best = process;
      bestSeconds = seconds;
    }
    if (best === undefined) return undefined;
    this.#waiting.splice(this.#waiting.indexOf(best), 1);
    const suite = suiteOf(best);
    if (suite !== undefined) this.#busySuites.add(suite);
    return best;
  }

  ended(process: TestProcess): void {
    const suite = suiteOf(process);
    if (suite !== undefined) this.#busySuites.delete(suite);
  }

  #secondsOf({ runs }: TestProcess): number {
    return runs.reduce((sum, { name }) => sum + (this.#seconds.get(name) ?? 1), 0);
  }

  /** What is left of a suite: it is as long as all its files together. */
  #secondsOfSuite(suite: string): number {
    return this.#waiting
      .filter((process) => suiteOf(process) === suite)
      .reduce((sum, process) => sum + this.#secondsOf(process), 0);
  }
}

function suiteOf({ runs }: TestProcess): string | undefined {
  return /^tests\/[^/]+(?=\/)/.exec(runs[0]?.path ?? "")?.[0];
}
