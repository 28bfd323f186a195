/**
 * Calls that another node answers, compared with the same calls to that node itself: processor time of both nodes, and
 * latency. Both nodes, PostgreSQL and the client share the machine.
 */
import { performance } from "node:perf_hooks";
import { startPostgres } from "@holdfast/testing/postgres";
import { ensure, interleave, least, median, type Scenario } from "../internal/scenario.ts";
import { clientOf, keysAt, type NodeProcess, startNode } from "./processes.ts";

const callers = 64;
/** Rounds are counted in calls, not in time: on a busy machine all would be spent on compiling otherwise. */
const callsOfRound = 1_500;
const callsToWarmUp = 4_000;
const callsAlone = 200;
const rounds = 10;

interface Sample {
  readonly cpuMicros: number;
  readonly p50Ms: number;
}

async function callAll(entry: NodeProcess, keys: readonly string[], total: number): Promise<void> {
  const { counter } = clientOf(entry);
  let left = total;
  await Promise.all(
    keys.map(async (key) => {
      const handle = counter.getOrCreate([key]);
      while (left-- > 0) await handle.add();
    }),
  );
}

async function measure(
  entry: NodeProcess,
  nodes: readonly NodeProcess[],
  keys: readonly string[],
): Promise<Sample> {
  const used = async (): Promise<number> =>
    (await Promise.all(nodes.map((node) => node.cpuMicros()))).reduce((sum, micros) => sum + micros, 0);
  const before = await used();
  await callAll(entry, keys, callsOfRound);
  const cpuMicros = ((await used()) - before) / callsOfRound;
  // One caller: nothing waits for anything else.
  const handle = clientOf(entry).counter.getOrCreate([keys[0] ?? ""]);
  const latencies: number[] = [];
  for (let call = 0; call < callsAlone; call++) {
    const started = performance.now();
    await handle.add();
    latencies.push(performance.now() - started);
  }
  return { cpuMicros, p50Ms: median(latencies) };
}

export const forwardedCalls: Scenario = {
  name: "forwarded-calls",
  timeoutMs: 300_000,
  run: async () => {
    const server = await startPostgres();
    const entry = await startNode("entry", server.url);
    const owner = await startNode("owner", server.url);
    try {
      const keys = await keysAt(owner, callers);
      const nodes = [entry, owner];
      for (const node of nodes) await callAll(node, keys, callsToWarmUp);
      const samples = await interleave(
        {
          forwarded: () => measure(entry, nodes, keys),
          local: () => measure(owner, nodes, keys),
        },
        rounds,
      );
      const pid = await clientOf(entry)
        .counter.getOrCreate([keys[0] ?? ""])
        .process();
      ensure(pid === owner.pid, "the actor has moved");
      const cpu = (of: readonly Sample[]) => least(of.map(({ cpuMicros }) => cpuMicros));
      const p50 = (of: readonly Sample[]) => least(of.map(({ p50Ms }) => p50Ms));
      const { forwarded, local } = samples;
      return {
        figures: [
          {
            ...{ name: "forwarded call, CPU of both nodes", value: cpu(forwarded), unit: "us" },
            detail: `p50 ${p50(forwarded).toFixed(2)} ms`,
          },
          {
            ...{ name: "call to the owner, CPU of both nodes", value: cpu(local), unit: "us" },
            detail: `p50 ${p50(local).toFixed(2)} ms`,
          },
        ],
        floors: [
          {
            ...{ name: "CPU of a call to the owner", value: cpu(forwarded) / cpu(local) },
            ...{ limit: 1.6, unit: "times", better: "less" },
          },
          {
            ...{ name: "added latency, p50", value: p50(forwarded) - p50(local) },
            ...{ limit: 0.5, unit: "ms", better: "less" },
          },
        ],
        samples,
      };
    } finally {
      await Promise.all([entry.stop(), owner.stop()]);
      await server.stop();
    }
  },
};
