/**
 * The order of the test files. What takes longest starts first, so that no core waits for one long
 * file at the end. The whole-system suites (`tests/x`) each install, build or start something that
 * their files share: the files of one suite run one after the other, beside those of other suites.
 */
export class TestSchedule {
  readonly #waiting: string[];
  readonly #seconds: ReadonlyMap<string, number>;
  readonly #busySuites = new Set<string>();

  /** `seconds`: how long files took before; a file that is not in it is taken to be short. */
  constructor(files: readonly string[], seconds: ReadonlyMap<string, number>) {
    this.#seconds = seconds;
    this.#waiting = [...files].sort((a, b) => this.#secondsOf(b) - this.#secondsOf(a));
  }

  /** The file to start now; undefined when none can start before another has ended. */
  take(): string | undefined {
    let best: string | undefined;
    let bestSeconds = -1;
    for (const path of this.#waiting) {
      const suite = suiteOf(path);
      if (suite !== undefined && this.#busySuites.has(suite)) continue;
      const seconds = suite === undefined ? this.#secondsOf(path) : this.#secondsOfSuite(suite);
      if (seconds <= bestSeconds) continue;
      best = path;
      bestSeconds = seconds;
    }
    if (best === undefined) return undefined;
    this.#waiting.splice(this.#waiting.indexOf(best), 1);
    const suite = suiteOf(best);
    if (suite !== undefined) this.#busySuites.add(suite);
    return best;
  }

  ended(path: string): void {
    const suite = suiteOf(path);
    if (suite !== undefined) this.#busySuites.delete(suite);
  }

  #secondsOf(path: string): number {
    return this.#seconds.get(path) ?? 1;
  }

  /** What is left of a suite: it is as long as all its files together. */
  #secondsOfSuite(suite: string): number {
    return this.#waiting
      .filter((path) => suiteOf(path) === suite)
      .reduce((sum, path) => sum + this.#secondsOf(path), 0);
  }
}

function suiteOf(path: string): string | undefined {
  return /^tests\/[^/]+(?=\/)/.exec(path)?.[0];
}
