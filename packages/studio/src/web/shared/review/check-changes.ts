import type { CheckOutput, CheckRun, ChecksChange, ChecksView } from "../../../contract.ts";

/** Characters of the output of a run that the page keeps. */
const maxOutput = 100_000;

/** The checks with the higher revision. */
export function keepNewerChecks(known: ChecksView | undefined, next: ChecksView): ChecksView {
  return known !== undefined && known.revision > next.revision ? known : next;
}

/** The checks after a change; undefined if changes before it are missing. */
export function withChecksChange(known: ChecksView, change: ChecksChange): ChecksView | undefined {
  if (change.revision <= known.revision) return known;
  if (change.revision > known.revision + 1) return undefined;
  const checks = known.checks.map((check) => {
    if (check.name !== change.name) return check;
    const outputs = new Map(check.runs.map(({ id, output }) => [id, output]));
    const runs = change.runs.map((run): CheckRun => ({ ...run, output: outputs.get(run.id) ?? "" }));
    return { ...check, runs };
  });
  return { ...known, checks, revision: change.revision };
}

/** The checks after more output; undefined if a piece before it was missed. */
export function withCheckOutput(
  known: ChecksView,
  { name, runId, start, text }: CheckOutput,
): ChecksView | undefined {
  const before = known.checks.find((check) => check.name === name)?.runs.find(({ id }) => id === runId);
  if (before === undefined || start > before.outputEnd) return undefined;
  const fresh = text.slice(before.outputEnd - start);
  if (fresh === "") return known;
  const after: CheckRun = {
    ...before,
    output: (before.output + fresh).slice(-maxOutput),
    outputEnd: before.outputEnd + fresh.length,
  };
  const checks = known.checks.map((check) =>
    check.name === name
      ? { ...check, runs: check.runs.map((run) => (run.id === runId ? after : run)) }
      : check,
  );
  return { ...known, checks };
}
