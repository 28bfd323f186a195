/**
 * `npm run sim -- --seeds 200`: runs seeds of the simulator, each twice, and fails with a command that
 * runs the first bad one again. `--seed N` runs one and shows its trace; `--from N` begins elsewhere;
 * `--only NAMES` takes these workloads; `--plant NAME` plants a bug; `--once` leaves out the second run;
 * `--day` runs a day in which nothing may grow. See docs/reference/simulator.md.
 */
import { parseArgs } from "node:util";
import {
  type PlantedBug,
  plantedBugs,
  plantedClusterBugs,
  type SimOutcome,
  simulate,
  simulateDay,
  simulateTwice,
} from "@holdfast/testing/sim";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "100" },
    from: { type: "string", default: "1" },
    seed: { type: "string" },
    only: { type: "string" },
    plant: { type: "string" },
    lines: { type: "string", default: "400" },
    once: { type: "boolean", default: false },
    day: { type: "boolean", default: false },
    nodes: { type: "string", default: "1" },
  },
});
const workloads = values.only?.split(",");
const plant = [...plantedBugs, ...plantedClusterBugs].find((name) => name === values.plant);
if (values.plant !== undefined && plant === undefined) {
  console.error(`--plant takes one of: ${[...plantedBugs, ...plantedClusterBugs].join(", ")}`);
  process.exit(2);
}

/** A run of no seeds, or of none that was meant, must not look like one that found nothing. */
function wholeNumber(name: "seeds" | "from" | "lines" | "nodes", least: number): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= least) return value;
  console.error(`--${name} takes a whole number from ${least} on`);
  process.exit(2);
}

const nodes = wholeNumber("nodes", 1);

function command(seed: string, planted: PlantedBug | undefined): string {
  const only =
    (values.only === undefined ? "" : ` --only ${values.only}`) + (nodes === 1 ? "" : ` --nodes ${nodes}`);
  return `npm run sim -- --seed ${seed}${only}${planted === undefined ? "" : ` --plant ${planted}`}`;
}

function tell(outcome: SimOutcome, lines: number): void {
  for (const line of lines > 0 ? outcome.lines.slice(-lines) : []) console.log(line);
  const { seed, steps, commits, hash } = outcome;
  console.log(`seed ${seed}: ${steps} steps, ${commits} commits, ${outcome.workloads.join(" ")}, ${hash}`);
  if (outcome.failure === undefined) return;
  console.error(outcome.failure.stack ?? outcome.failure.message);
  console.error(`\nTo see it again: ${command(seed, plant)}`);
}

if (values.day) {
  const { failure, samples, steps, commits } = await simulateDay(values.seed ?? "1");
  console.table(samples);
  console.log(`${steps} steps, ${commits} commits`);
  if (failure !== undefined) console.error(failure.stack ?? failure.message);
  process.exit(failure === undefined ? 0 : 1);
}

if (values.seed !== undefined) {
  const keepLines = wholeNumber("lines", 0);
  const run = values.once ? simulate : simulateTwice;
  const outcome = await run({ seed: values.seed, workloads, plant, keepLines, nodes });
  tell(outcome, keepLines);
  process.exit(outcome.failure === undefined ? 0 : 1);
}

const startedAt = performance.now();
let steps = 0;
let commits = 0;
let failed = 0;
let ran = 0;
/** What breaks everything need not be shown for each seed. */
const maxFailures = 20;
const first = wholeNumber("from", 0);
const count = wholeNumber("seeds", 1);
for (let seed = first; seed < first + count; seed++) {
  const outcome = await (values.once ? simulate : simulateTwice)({
    seed: String(seed),
    workloads,
    plant,
    nodes,
  });
  ran++;
  steps += outcome.steps;
  commits += outcome.commits;
  if (outcome.failure === undefined) continue;
  failed++;
  console.error(`seed ${seed} (${outcome.workloads.join(" ")}): ${outcome.failure.message.split("\n")[0]}`);
  console.error(`  ${command(String(seed), plant)}`);
  if (failed < maxFailures) continue;
  console.error(`stopped after ${failed} failures`);
  break;
}
const seconds = (performance.now() - startedAt) / 1000;
console.log(`${ran} seeds, ${failed} failed, ${steps} steps, ${commits} commits, ${seconds.toFixed(1)} s`);
process.exit(failed === 0 ? 0 : 1);
