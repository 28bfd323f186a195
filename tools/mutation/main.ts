/**
 * `npm run test:mutation [-- PATTERN] [--resume] [--seconds N] [--save]`: takes each protection of the gate
 * out, one at a time, and expects a test that is named for it to turn red. Prints which one; fails when a
 * mutant survives that is not known to change nothing, or when the plan does not know a protection.
 *
 * With `--resume`, what was judged before on the same text is not judged again; with `--seconds`, nothing
 * new is begun after that time; `--save` names the test that caught each mutant, to be tried first.
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
// Tests wait for processes and sockets for part of their time: one more than there are cores.
const lanes = availableParallelism() + 1;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { resume: { type: "boolean" }, save: { type: "boolean" }, seconds: { type: "string" } },
});
const [pattern = ""] = positionals;
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
  const known = plain.get(name) ?? runCheck(check, { timeoutMs: 2 * longestMs, directory });
  plain.set(name, known);
  return known;
}

async function judge(mutant: Planned, lane: number): Promise<Verdict> {
  const beganAt = performance.now();
  const mutation = join(directory, `${lane}.json`);
  const url = pathToFileURL(join(root, mutant.file)).href;
  writeFileSync(mutation, JSON.stringify({ url, source: mutant.source }));
  const verdict = (caught: { check?: string; red?: string }): Verdict => ({
    ...{ id: mutant.id, digest: digestOf(mutant), ...caught },
    milliseconds: Math.round(performance.now() - beganAt),
  });
  for (const check of inOrder(mutant, named)) {
    const usual = await withoutMutation(check);
    if (usual.red !== undefined) throw new Error(`red without any mutation: ${nameOf(check)}: ${usual.red}`);
    const timeoutMs = Math.min(longestMs, Math.max(20_000, 5 * usual.milliseconds));
    const { red } = await runCheck(check, { mutation, timeoutMs, directory });
    if (red !== undefined) return verdict({ check: nameOf(check), red });
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
      const verdict = await judge(mutant, lane);
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
const seconds = Math.round((performance.now() - startedAt) / 1_000);
console.log(
  `${chosen.length} mutants, ${survivors.length} survived, ${waiting.length} not judged; ${seconds} s, slowest checks:`,
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
