/**
 * What it costs that a state is watched: the same work on the bare values and on the state, in one
 * run, with floors as exit codes. `node bench/state.ts`. Only ratios are meant to be compared.
 */
import { pathToFileURL } from "node:url";
import { StateLog } from "../packages/actors/src/internal/state/state-log.ts";

const floors = { primitives: 5, objects: 30, writeNs: 200 } as const;
const rounds = Number(process.env["BENCH_ROUNDS"] ?? "15");

interface Row {
  id: number;
  name: string;
}

interface State {
  numbers: number[];
  rows: Row[];
  deep: { a: { b: { c: { n: number } } } };
}

function fresh(): State {
  return {
    numbers: Array.from({ length: 1_000 }, (_, i) => i),
    rows: Array.from({ length: 1_000 }, (_, id) => ({ id, name: `row ${id}` })),
    deep: { a: { b: { c: { n: 0 } } } },
  };
}

/**
 * The best fifth of some rounds, in nanoseconds for one of `count`: what others do on the machine only
 * adds. What is measured returns what it made.
 */
function measure(count: number, work: () => number): number {
  const samples: number[] = [];
  let kept = 0;
  for (let round = 0; round < rounds + 3; round++) {
    const from = process.hrtime.bigint();
    kept += work();
    const ns = Number(process.hrtime.bigint() - from);
    if (round >= 3) samples.push(ns / count);
  }
  if (!Number.isFinite(kept)) throw new Error("the work went wrong");
  samples.sort((a, b) => a - b);
  return samples[Math.floor(samples.length / 5)] ?? 0;
}

/** Functions of their own for each side: one that has seen both would be slower for the bare array. */
const bareSums = {
  numbers: (numbers: readonly number[]): number => {
    let sum = 0;
    for (const n of numbers) sum += n;
    return sum;
  },
  ids: (rows: readonly Row[]): number => {
    let sum = 0;
    for (const row of rows) sum += row.id;
    return sum;
  },
};
const stateSums = {
  numbers: (numbers: readonly number[]): number => {
    let sum = 0;
    for (const n of numbers) sum += n;
    return sum;
  },
  ids: (rows: readonly Row[]): number => {
    let sum = 0;
    for (const row of rows) sum += row.id;
    return sum;
  },
};

const passes = 200;

function many(work: () => number): () => number {
  return () => {
    let sum = 0;
    for (let i = 0; i < passes; i++) sum += work();
    return sum;
  };
}

export interface StateCosts {
  /** How much longer than the bare array. */
  readonly primitives: number;
  readonly objects: number;
  /** `c.state.deep.a.b.c.n++` in nanoseconds, with its patch encoded every thousandth time. */
  readonly writeNs: number;
}

export function measureState(): StateCosts {
  const bare = fresh();
  const log = StateLog.create(fresh(), () => {});
  log.take();
  const state = log.value as State;
  const per = passes * 1_000;
  const bareNumbers = measure(
    per,
    many(() => bareSums.numbers(bare.numbers)),
  );
  const bareIds = measure(
    per,
    many(() => bareSums.ids(bare.rows)),
  );
  const primitives =
    measure(
      per,
      many(() => stateSums.numbers(state.numbers)),
    ) / bareNumbers;
  const objects =
    measure(
      per,
      many(() => stateSums.ids(state.rows)),
    ) / bareIds;
  const writes = 100_000;
  const writeNs = measure(writes, () => {
    for (let i = 0; i < writes; i++) {
      (log.value as State).deep.a.b.c.n++;
      if (i % 1_000 === 0) log.take();
    }
    return (log.value as State).deep.a.b.c.n;
  });
  return { primitives, objects, writeNs };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const costs = measureState();
  console.log(
    `1,000 primitives: ${costs.primitives.toFixed(1)}x the bare array (floor ${floors.primitives}x)`,
  );
  console.log(`1,000 objects:    ${costs.objects.toFixed(1)}x the bare array (floor ${floors.objects}x)`);
  console.log(`a deep write:     ${costs.writeNs.toFixed(0)} ns (floor ${floors.writeNs} ns)`);
  const failed =
    costs.primitives > floors.primitives || costs.objects > floors.objects || costs.writeNs > floors.writeNs;
  process.exitCode = failed ? 1 : 0;
}
