/** Cost of tracking changes to a state: the same work on plain values and on the state, in one run. */
import { StateLog } from "../../packages/actors/src/internal/state/state-log.ts";
import type { Outcome, Scenario } from "../internal/scenario.ts";

const floors = { primitives: 5, objects: 30, writeNs: 200 } as const;
const turns = Number(process.env["BENCH_ROUNDS"] ?? "60");

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

/** Work whose rounds do `count` operations each; `run` returns a result to verify. */
interface Work {
  readonly count: number;
  readonly run: () => number;
}

/**
 * Best round of each work, in nanoseconds per operation, since other load on the machine only adds time. The works
 * alternate, so that all of them meet the same machine, busy or quiet.
 */
function measure<Name extends string>(works: Readonly<Record<Name, Work>>): Record<Name, number> {
  const best = {} as Record<Name, number>;
  let kept = 0;
  for (let round = 0; round < turns + 3; round++) {
    for (const name of Object.keys(works) as Name[]) {
      const { count, run } = works[name];
      const from = process.hrtime.bigint();
      kept += run();
      const ns = Number(process.hrtime.bigint() - from) / count;
      if (round >= 3) best[name] = Math.min(best[name] ?? ns, ns);
    }
  }
  if (!Number.isFinite(kept)) throw new Error("the work returned a wrong result");
  return best;
}

/** Separate functions for each side: one that has seen both types would be slower on the bare array. */
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

interface StateCosts {
  /** Time relative to the bare array. */
  readonly primitives: number;
  readonly objects: number;
  /** Nanoseconds of `c.state.deep.a.b.c.n++`, with its patch encoded every thousandth time. */
  readonly writeNs: number;
}

function measureState(): StateCosts {
  const bare = fresh();
  const log = StateLog.create(fresh(), { stateChanged: () => {} });
  log.take();
  const state = log.value as State;
  const writes = 100_000;
  const all = passes * 1_000;
  const best = measure({
    bareNumbers: { count: all, run: many(() => bareSums.numbers(bare.numbers)) },
    numbers: { count: all, run: many(() => stateSums.numbers(state.numbers)) },
    bareIds: { count: all, run: many(() => bareSums.ids(bare.rows)) },
    ids: { count: all, run: many(() => stateSums.ids(state.rows)) },
    write: {
      count: writes,
      run: () => {
        for (let i = 0; i < writes; i++) {
          (log.value as State).deep.a.b.c.n++;
          if (i % 1_000 === 0) log.take();
        }
        return (log.value as State).deep.a.b.c.n;
      },
    },
  });
  return {
    primitives: best.numbers / best.bareNumbers,
    objects: best.ids / best.bareIds,
    writeNs: best.write,
  };
}

async function measureOutcome(): Promise<Outcome> {
  const costs = measureState();
  return {
    figures: [
      { name: "1,000 primitives", value: costs.primitives, unit: "times", detail: "the bare array" },
      { name: "1,000 objects", own: true, value: costs.objects, unit: "times", detail: "the bare array" },
      { name: "a deep write", value: costs.writeNs, unit: "ns" },
    ],
    floors: [
      {
        name: "primitives",
        value: costs.primitives,
        limit: floors.primitives,
        unit: "times",
        better: "less",
      },
      { name: "objects", value: costs.objects, limit: floors.objects, unit: "times", better: "less" },
      { name: "a deep write", value: costs.writeNs, limit: floors.writeNs, unit: "ns", better: "less" },
    ],
    samples: costs,
  };
}

export const state: Scenario = { name: "state", run: measureOutcome };
