import type { TestRun } from "./test-run.ts";
import { committedTestTimes } from "./times.ts";

/** The files of one process of tests. */
export interface TestProcess {
  readonly name: string;
  readonly runs: readonly TestRun[];
}

/** Rooms of files that share nothing but code, and mostly take less time than the start of a process. */
const sharing = [
  /^(packages\/[^/]+)\/src\//,
  // Those of Redis wait for their server while they are loaded, and have their tests too late for a suite.
  /^(packages\/(?!store-redis\/)[^/]+\/tests)\//,
  /^(tools)\//,
  /^(examples\/products)\//,
];

/** Files from this time on have a process of their own. */
const longSeconds = 8;

/**
 * Files that share only if they are short. Those of the Studio start a program or more in each case, which takes longer
 * the more memory their process has; SDKs of vendors read the environment that their tests set.
 */
const sharesIfShort = /^packages\/(studio\/tests|sandbox-client\/tests\/vendors)\//;

/** Of one process: few enough that they can run again one by one, many enough that starts cost little. */
const mostShared = { files: 24, seconds: 45 } as const;

/** The processes of these runs: the short files of a package share some, each of the others has its own. */
export function processesOf(runs: readonly TestRun[]): readonly TestProcess[] {
  // Not those of the last run, so that the same files run together everywhere.
  const seconds = committedTestTimes();
  const secondsOf = ({ name }: TestRun) => seconds.get(name) ?? 1;
  const processes: TestProcess[] = [];
  const rooms = new Map<string, TestRun[]>();
  for (const run of runs) {
    const isLong = sharesIfShort.test(run.path) ? seconds.has(run.name) : secondsOf(run) >= longSeconds;
    const room = isLong ? undefined : roomOf(run);
    if (room === undefined) processes.push({ name: run.name, runs: [run] });
    else rooms.set(room, [...(rooms.get(room) ?? []), run]);
  }
  for (const [room, shared] of rooms) {
    const total = shared.reduce((sum, run) => sum + secondsOf(run), 0);
    const count = Math.ceil(Math.max(shared.length / mostShared.files, total / mostShared.seconds));
    for (const [at, part] of inParts(shared, count, secondsOf).entries()) {
      const [only] = part;
      const name = part.length === 1 && only !== undefined ? only.name : `${room}, group ${at + 1}`;
      processes.push({ name, runs: part });
    }
  }
  return processes;
}

/** Parts that take about the same time, each file in the one that is the shortest so far: the longest first. */
function inParts(
  runs: readonly TestRun[],
  count: number,
  secondsOf: (run: TestRun) => number,
): readonly (readonly TestRun[])[] {
  const parts = Array.from({ length: count }, () => ({ runs: [] as TestRun[], seconds: 0 }));
  for (const run of runs.toSorted((a, b) => secondsOf(b) - secondsOf(a))) {
    const shortest = parts.reduce((least, part) => (part.seconds < least.seconds ? part : least));
    shortest.runs.push(run);
    shortest.seconds += secondsOf(run);
  }
  return parts.map((part) => part.runs);
}

function roomOf({ path, store }: TestRun): string | undefined {
  const room = sharing.map((each) => each.exec(path)?.[1]).find((each) => each !== undefined);
  return room === undefined || store === "sqlite" ? room : `${room}, ${store}`;
}
