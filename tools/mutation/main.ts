/**
 * `npm run test:mutation [-- PATTERN] [--resume] [--seconds N] [--lanes N] [--save]`: removes each protection of the
 * gate, one at a time, and expects one of its tests to fail. Prints which one. Fails if a mutant survives that is not
 * listed as equivalent, or if the plan lacks a protection.
 *
 * `--resume` skips mutants with a verdict for the same source; `--seconds` starts no mutant after that time; `--lanes`
 * sets how many run at a time; `--save` records the test that caught each mutant, to be run first and, in a slow file,
 * alone.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Check, type CheckRun, endAll, makeScratch, nameOf, removeScratch, runCheck } from "./check.ts";
import { equivalents } from "./equivalents.ts";
import { type Planned, plan, unknownTo } from "./plan.ts";
import {
  digestOf,
  inOrder,
  keepVerdict,
  readNamed,
  readVerdicts,
  saveNamed,
  type Verdict,
} from "./verdicts.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const longestMs = 90_000;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    resume: { type: "boolean" },
    save: { type: "boolean" },
    seconds: { type: "string" },
    lanes: { type: "string" },
  },
});
const [pattern = ""] = positionals;
// Tests wait for processes and sockets for part of their time: one more than there are cores.
const lanes = Number(values.lanes ?? availableParallelism() + 1);
const startedAt = performance.now();
const mayBegin = () => performance.now() - startedAt < Number(values.seconds ?? Infinity) * 1_000;

const all = plan();
const named = readNamed();
const chosen = all.filter((mutant) => mutant.id.includes(pattern));
const directory = makeScratch(join(tmpdir(), "hm-"));

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    endAll();
    removeScratch(directory);
    process.exit(1);
  });
}

/** Each check as it is without any mutation: it has to be green, or red would mean nothing. */
const plain = new Map<string, Promise<CheckRun>>();
function withoutMutation(check: Check): Promise<CheckRun> {
  const name = nameOf(check);
  const known = plain.get(name) ?? runPlain(check);
  plain.set(name, known);
  return known;
}

/** A failure is reported and retried once: concurrent mutants can exhaust a resource of the machine. */
async function runPlain(check: Check): Promise<CheckRun> {
  const options = { timeoutMs: 2 * longestMs, directory };
  const run = await runCheck(check, options);
  // A name that no test has any more is no matter of chance.
  if (run.red === undefined || run.test === undefined) return run;
  console.log(`red without any mutation, tried again: ${nameOf(check)}: ${run.red}: ${run.said}`);
  return runCheck(check, options);
}

/**
 * A test that is out of time is red only on a machine that runs it without the mutation as fast as before;
 * else it gets more time.
 */
async function runMutated(check: Check, usualMs: number, mutation: string): Promise<CheckRun> {
  const timeoutMs = Math.min(longestMs, Math.max(6_000, 4 * usualMs));
  const mutated = await runCheck(check, { mutation, timeoutMs, directory });
  if (!mutated.late || timeoutMs === longestMs) return mutated;
  const { milliseconds } = await runCheck(check, { timeoutMs: 2 * longestMs, directory });
  return 2 * milliseconds <= timeoutMs ? mutated : runMutated(check, milliseconds, mutation);
}

async function evaluateFindings(mutant: Planned, lane: number): Promise<Verdict> {
  const beganAt = performance.now();
  const mutation = join(directory, `${lane}.json`);
  const url = pathToFileURL(join(root, mutant.file)).href;
  writeFileSync(mutation, JSON.stringify({ url, source: mutant.source }));
  const verdict = (caught: Pick<Verdict, "check" | "red" | "test">): Verdict => ({
    ...{ id: mutant.id, digest: digestOf(mutant), ...caught },
    milliseconds: Math.round(performance.now() - beganAt),
  });
  for (const { check, part } of inOrder(mutant, named)) {
    const usual = await withoutMutation(part ?? check);
    // A test that has another name now, or that needs those before it, is met again in its whole file.
    if (usual.red !== undefined && part !== undefined) continue;
    if (usual.red !== undefined)
      throw new Error(`red without any mutation: ${nameOf(check)}: ${usual.red}: ${usual.said}`);
    const { red, test } = await runMutated(part ?? check, usual.milliseconds, mutation);
    if (red !== undefined)
      return verdict({ check: nameOf(check), red, ...(test === undefined ? {} : { test }) });
  }
  return verdict({});
}

function print({ id, check, red, milliseconds }: Verdict, told: string): void {
  console.log(`${told} ${(milliseconds / 1_000).toFixed(1).padStart(5)} s  ${id}`);
  if (check !== undefined) console.log(`${" ".repeat(19)}by ${check}: ${red}`);
}

const verdicts = new Map<string, Verdict>();
if (values.resume === true) {
  const before = readVerdicts();
  for (const mutant of chosen) {
    const verdict = before.get(mutant.id);
    if (verdict?.check !== undefined && verdict.digest === digestOf(mutant)) verdicts.set(mutant.id, verdict);
  }
}
const waiting = chosen.filter(({ id }) => !verdicts.has(id) && !equivalents.has(id));
let failure: unknown;
async function work(lane: number): Promise<void> {
  while (failure === undefined && mayBegin()) {
    const mutant = waiting.shift();
    if (mutant === undefined) return;
    try {
      const verdict = await evaluateFindings(mutant, lane);
      verdicts.set(verdict.id, verdict);
      keepVerdict(verdict);
      print(verdict, verdict.check === undefined ? "SURVIVED" : "caught  ");
    } catch (error) {
      failure ??= error;
    }
  }
}
try {
  await Promise.all(Array.from({ length: lanes }, (_, lane) => work(lane)));
} finally {
  removeScratch(directory);
}
if (failure !== undefined) console.error(failure);
if (values.save === true) saveNamed(all, verdicts);

const survivors = [...verdicts.values()].filter(({ check }) => check === undefined);
for (const { id } of chosen)
  if (equivalents.has(id)) console.log(`changes nothing   ${id} (${equivalents.get(id)})`);
for (const { id } of survivors) console.log(`survived: ${id}`);
const stale = [...equivalents.keys()].filter((id) => !all.some((mutant) => mutant.id === id));
for (const id of stale) console.log(`no longer there: ${id} (tools/mutation/equivalents.ts)`);
const harmless = chosen.filter(({ id }) => equivalents.has(id)).length;
const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
console.log(
  `${chosen.length} mutants: ${verdicts.size - survivors.length} caught, ${harmless} change nothing, ${survivors.length} survived, ${waiting.length} not judged; ${minutes} min, slowest:`,
);
const slowest = [...verdicts.values()].toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, 5);
for (const { id, milliseconds } of slowest) console.log(`  ${(milliseconds / 1_000).toFixed(1)} s  ${id}`);
const unknown = unknownTo(all);
for (const each of unknown) console.log(`not in the plan: ${each} (tools/mutation/plan.ts)`);
const ok =
  unknown.length === 0 &&
  failure === undefined &&
  survivors.length === 0 &&
  stale.length === 0 &&
  waiting.length === 0;
process.exitCode = ok ? 0 : 1;
