/** Prints the results of a run and saves its samples. */
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg } from "node:os";
import { join } from "node:path";
import { type Figure, type Floor, holds, type Outcome, type Unit } from "./scenario.ts";

export const samplesDirectory = join(import.meta.dirname, "..", "..", ".cache", "bench");

/** File of the samples of one scenario. */
export interface Recorded {
  readonly group: string;
  readonly name: string;
  readonly machine: {
    readonly node: string;
    readonly cores: number;
    readonly cpu: string | undefined;
    /** Load averages of 1, 5 and 15 minutes. */
    readonly load: readonly number[];
    /** ISO 8601. */
    readonly at: string;
  };
  readonly outcome: Outcome | { readonly error: string };
}

export function show(value: number, unit: Unit): string {
  if (unit === "/s" || unit === "bytes") return `${Math.round(value).toLocaleString("en")} ${unit}`;
  if (unit === "times") return `${value.toFixed(2)} times`;
  return `${value.toFixed(value < 10 ? 3 : 1)} ${unit}`;
}

export function printOutcome(title: string, outcome: Outcome): void {
  console.log(title);
  const [ours] = outcome.figures;
  for (const figure of outcome.figures) console.log(`  ${figureLine(figure, ours)}`);
  for (const note of outcome.notes ?? []) console.log(`  note: ${note}`);
  for (const floor of outcome.floors) console.log(`  ${floorLine(floor)}`);
}

function figureLine(figure: Figure, ours: Figure | undefined): string {
  const value = show(figure.value, figure.unit).padStart(16);
  const ratio =
    ours !== undefined && figure !== ours && figure.own !== true && figure.unit === ours.unit
      ? `  ${ours.name} is ${(ours.value / figure.value).toFixed(2)} of it`
      : "";
  const detail = figure.detail === undefined ? "" : `  ${figure.detail}`;
  return `${figure.name.padEnd(18)}${value}${ratio}${detail}`;
}

function floorLine(floor: Floor): string {
  const bound = floor.better === "more" ? "at least" : "at most";
  const verdict = holds(floor) ? "ok    " : "FAILED";
  return `${verdict} ${floor.name}: ${show(floor.value, floor.unit)}, ${bound} ${show(floor.limit, floor.unit)}`;
}

/** Saves every round of a scenario, with the machine and its load. */
export function keepSamples(group: string, name: string, outcome: Recorded["outcome"]): void {
  mkdirSync(samplesDirectory, { recursive: true });
  const recorded: Recorded = {
    group,
    name,
    machine: {
      node: process.version,
      cores: availableParallelism(),
      cpu: cpus()[0]?.model,
      load: loadavg(),
      at: new Date().toISOString(),
    },
    outcome,
  };
  writeFileSync(join(samplesDirectory, `${group}-${name}.json`), `${JSON.stringify(recorded, null, 1)}\n`);
}
