import { createHash } from "node:crypto";
import type { CheckRun } from "../../contract/checks.ts";
import { studioLimits } from "../../limits.ts";
import type { ReviewKv } from "../review/store.ts";

export type ChecksKv = ReviewKv;

/** Runs by the name of the check, newest first. */
export type CheckRuns = Map<string, readonly CheckRun[]>;

interface CheckRow {
  readonly version: 1;
  readonly name: string;
  readonly runs: readonly CheckRun[];
}

const prefix = "check/";

/** One row for each check. Operations change the content in memory before they return. */
export class ChecksStore {
  /** Runs that were in progress were ended with the process that had them. */
  async read(kv: ChecksKv): Promise<CheckRuns> {
    const rows = await kv.listPrefix(prefix);
    const content: CheckRuns = new Map();
    for (const [, value] of rows) {
      const { name, runs } = JSON.parse(value) as CheckRow;
      content.set(
        name,
        runs.map((run) => (isOpen(run) ? { ...run, state: "interrupted" } : run)),
      );
    }
    return content;
  }

  put(kv: ChecksKv, content: CheckRuns, name: string, runs: readonly CheckRun[]): Promise<void> {
    const kept = keptRuns(runs);
    content.set(name, kept);
    const row: CheckRow = { version: 1, name, runs: kept };
    const key = prefix + createHash("sha256").update(name).digest("base64url");
    return kv.put(key, JSON.stringify(row));
  }
}

export function isOpen({ state }: Pick<CheckRun, "state">): boolean {
  return state === "waiting" || state === "running";
}

/** The newest run of each state of the files. Only the newest of all has its output and its places. */
function keptRuns(runs: readonly CheckRun[]): readonly CheckRun[] {
  const trees = new Set<string>();
  const kept: CheckRun[] = [];
  for (const run of runs) {
    const isKnown = run.tree !== undefined && trees.has(run.tree);
    // What came to no result says nothing about a state.
    const isResult = run.state === "passed" || run.state === "failed" || run.state === "timed-out";
    if (kept.length > 0 && (isKnown || !isResult)) continue;
    if (isResult && run.tree !== undefined) trees.add(run.tree);
    kept.push(kept.length === 0 ? run : { ...run, output: "", problems: [] });
    if (kept.length === studioLimits.maxCheckRuns) break;
  }
  return kept;
}
