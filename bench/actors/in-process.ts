/** Calls within the process: calls that only read, and calls that commit. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { actor } from "@holdfast/actors";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import {
  ensure,
  interleave,
  least,
  most,
  type Outcome,
  roundMs,
  type Scenario,
} from "../internal/scenario.ts";
import { measureDurableCeiling } from "./store.ts";

const counter = actor({
  state: { count: 0 },
  actions: {
    increment: (c, by: number) => {
      c.state.count += by;
      return c.state.count;
    },
    get: (c) => c.state.count,
  },
});

function open(path: string) {
  const ports = systemPorts();
  return createRegistry({ use: { counter }, ports, store: () => openSqliteStore({ path, ports }) });
}

export type CounterRegistry = ReturnType<typeof open>;

/** Runs `use` with a registry in a temporary directory, then removes both. `reopen` restarts the registry on the same store. */
export async function withRegistry<T>(
  use: (registry: CounterRegistry, reopen: () => Promise<CounterRegistry>) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  let registry = open(join(directory, "store"));
  const reopen = async (): Promise<CounterRegistry> => {
    await registry.shutdown();
    registry = open(join(directory, "store"));
    return registry;
  };
  try {
    return await use(registry, reopen);
  } finally {
    await registry.shutdown();
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Round {
  readonly calls: number;
  readonly perSecond: number;
  /** CPU time of one call in microseconds, all threads. */
  readonly cpuMicros: number;
}

/** Runs one loop per caller for a round: each starts its next call when the previous one returns. */
async function callFor(callers: readonly (() => Promise<number>)[]): Promise<Round> {
  let calls = 0;
  const cpu = process.cpuUsage();
  const started = performance.now();
  const until = started + roundMs;
  const one = async (call: () => Promise<number>): Promise<void> => {
    while (performance.now() < until) {
      await call();
      calls++;
    }
  };
  await Promise.all(callers.map(one));
  const seconds = (performance.now() - started) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return { calls, perSecond: calls / seconds, cpuMicros: (user + system) / calls };
}

const detail = (rounds: readonly Round[]): string =>
  `${least(rounds.map((round) => round.cpuMicros)).toFixed(1)} us CPU`;
const best = (rounds: readonly Round[]): number => most(rounds.map((round) => round.perSecond));

async function measureCalls(): Promise<Outcome> {
  const callers = 64;
  return withRegistry(async ({ client }) => {
    const handle = client.counter.getOrCreate("bench");
    ensure((await handle.increment(2)) === 2 && (await handle.get()) === 2, "a call gave a wrong result");
    const calls = Array.from({ length: callers }, () => () => handle.get());
    const { actor: samples } = await interleave({ actor: () => callFor(calls) });
    ensure((await handle.get()) === 2, "a call changed something");
    return {
      figures: [{ name: "actor", value: best(samples), unit: "/s", detail: detail(samples) }],
      floors: [
        { name: "calls in process", value: best(samples), limit: 200_000, unit: "/s", better: "more" },
      ],
      samples,
    };
  });
}

/** A disk that syncs slowly limits the store too: then the floor follows the ceiling of the same run. */
const commitFloor = { perSecond: 50_000, ofCeiling: 0.8 } as const;

async function measureCommits(): Promise<Outcome> {
  const inFlight = 256;
  return withRegistry(async ({ client }, reopen) => {
    const handles = Array.from({ length: inFlight }, (_, n) => client.counter.getOrCreate(String(n)));
    await Promise.all(handles.map((handle) => handle.increment(1)));
    let calls = inFlight;
    const round = async (): Promise<Round> => {
      const result = await callFor(handles.map((handle) => () => handle.increment(1)));
      calls += result.calls;
      return result;
    };
    const samples = await interleave({
      actors: round,
      ceiling: () => measureDurableCeiling({ inFlight, durationMs: roundMs }),
    });
    const again = (await reopen()).client;
    const counts = await Promise.all(handles.map((_, n) => again.counter.get(String(n)).get()));
    ensure(counts.reduce((sum, count) => sum + count, 0) === calls, "a commit was lost or done twice");
    const value = best(samples.actors);
    const ceiling = most(samples.ceiling.map((each) => each.perSecond));
    const cpu = least(samples.ceiling.map((each) => each.cpuMicros)).toFixed(1);
    const limit = Math.min(commitFloor.perSecond, commitFloor.ofCeiling * ceiling);
    return {
      figures: [
        { name: "actors", value, unit: "/s", detail: detail(samples.actors) },
        { name: "ceiling", value: ceiling, unit: "/s", detail: `${cpu} us CPU` },
      ],
      floors: [{ name: "durable commits", value, limit, unit: "/s", better: "more" }],
      samples,
    };
  });
}

export const inProcess: Scenario = { name: "in-process", run: measureCalls };
export const commits: Scenario = { name: "commits-256", run: measureCommits };
