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

/** Few enough that they can run again one by one, many enough that starts cost little. */
const maxFiles = 24;

/** The processes of these runs: the short files of a package share some, each of the others has its own. */
export function processesOf(runs: readonly TestRun[]): readonly TestProcess[] {
  // Not those of the last run, so that the same files run together everywhere.
  const seconds = committedTestTimes();
  const processes: TestProcess[] = [];
  const rooms = new Map<string, TestRun[]>();
  for (const run of runs) {
    const room = seconds.has(run.name) ? undefined : roomOf(run);
    if (room === undefined) processes.push({ name: run.name, runs: [run] });
    else rooms.set(room, [...(rooms.get(room) ?? []), run]);
  }
  for (const [room, shared] of rooms) {
    const count = Math.ceil(shared.length / maxFiles);
    for (let at = 0; at < count; at++) {
      const part = shared.slice((shared.length * at) / count, (shared.length * (at + 1)) / count);
      const [only] = part;
      const name = part.length === 1 && only !== undefined ? only.name : `${room}, group ${at + 1}`;
      processes.push({ name, runs: part });
    }
  }
  return processes;
}

function roomOf({ path, store }: TestRun): string | undefined {
  const room = sharing.map((each) => each.exec(path)?.[1]).find((each) => each !== undefined);
  return room === undefined || store === "sqlite" ? room : `${room}, ${store}`;
}
