import type { EnvironmentChange, EnvironmentOutput, RepositoryEnvironment } from "../../contract.ts";

/** Characters of a step's output that the page keeps. */
const maxOutput = 200_000;

/** The environment after a change; undefined if it has to be read again. */
export function withChange(
  known: RepositoryEnvironment,
  change: EnvironmentChange,
): RepositoryEnvironment | undefined {
  if (change.id !== known.id) return known;
  const { latest } = known;
  if (latest !== undefined && change.revision <= latest.revision) return known;
  // A preparation that begins anew has no output yet.
  if (latest === undefined || change.startedAt !== latest.startedAt) return undefined;
  const steps = change.steps.map((step, index) => {
    const { output = "", outputEnd = 0 } = latest.steps[index] ?? {};
    return { ...step, output, outputEnd };
  });
  const { steps: _steps, ...rest } = change;
  return { ...known, isPrepared: change.status === "ready", latest: { ...rest, steps } };
}

/** The environment after more output; undefined if a piece before it was missed. */
export function withOutput(
  known: RepositoryEnvironment,
  { step, start, text }: EnvironmentOutput,
): RepositoryEnvironment | undefined {
  const { latest } = known;
  const before = latest?.steps[step];
  if (latest === undefined || before === undefined || start > before.outputEnd) return undefined;
  const fresh = text.slice(before.outputEnd - start);
  if (fresh === "") return known;
  const after = {
    ...before,
    output: (before.output + fresh).slice(-maxOutput),
    outputEnd: before.outputEnd + fresh.length,
  };
  return {
    ...known,
    latest: { ...latest, steps: latest.steps.map((each, index) => (index === step ? after : each)) },
  };
}
