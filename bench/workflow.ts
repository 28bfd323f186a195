/**
 * Steps of workflows through the whole runtime on the SQLite store, many workflows at once, beside the
 * durable commits that the store does in the same run; and what a wake of many of them takes:
 * `node bench/workflow.ts`. Floors are exit codes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { durable, Loop } from "@holdfast/actors/workflow";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { measureDurableCeiling } from "./store.ts";

/** Steps a second, or this part of the durable commits of the same run where a machine does fewer. */
const floors = { stepsPerSecond: 10_000, ofCeiling: 0.4, recoverMs: 1_000 } as const;
const inFlight = 256;
const stepsEach = Number(process.env["BENCH_STEPS"] ?? "200");
const recovered = 100;

let ran = 0;
const counting = durable(async (ctx, steps: number) =>
  ctx.loop({
    name: "count",
    state: 0,
    run: async (loop, n) => {
      await loop.step("step", () => {
        ran++;
        return n;
      });
      return n + 1 === steps ? Loop.break(n + 1) : Loop.continue(n + 1);
    },
  }),
);

const waiting = durable(async (ctx) => {
  for (let n = 0; n < 20; n++) await ctx.step(`step ${n}`, () => n);
  await ctx.signal("go");
  return await ctx.step("end", () => "done");
});

async function withRegistry<T>(
  path: string,
  use: (registry: ReturnType<typeof open>) => Promise<T>,
): Promise<T> {
  const registry = open(path);
  try {
    return await use(registry);
  } finally {
    await registry.shutdown();
  }
}

function open(path: string) {
  const ports = systemPorts();
  return createRegistry({ use: { counting, waiting }, store: () => openSqliteStore({ path, ports }), ports });
}

async function measureSteps(path: string): Promise<number> {
  return withRegistry(path, async (registry) => {
    const handles = Array.from({ length: inFlight }, (_, n) =>
      registry.client.counting.getOrCreate(String(n)),
    );
    await Promise.all(handles.map((handle) => handle.get()));
    ran = 0;
    const started = performance.now();
    await Promise.all(handles.map((handle) => handle.start(stepsEach)));
    const results = await Promise.all(handles.map((handle) => handle.result()));
    const seconds = (performance.now() - started) / 1_000;
    if (ran !== inFlight * stepsEach || results.some((result) => result !== stepsEach)) {
      throw new Error(`${ran} steps ran, and ${inFlight * stepsEach} should have`);
    }
    return ran / seconds;
  });
}

/** From opening the store to the end of a hundred workflows that waited when the process ended. */
async function measureRecovery(path: string): Promise<number> {
  await withRegistry(path, async ({ client }) => {
    const handles = Array.from({ length: recovered }, (_, n) =>
      client.waiting.getOrCreate(String(n), { createWithInput: {} }),
    );
    for (const handle of handles) await handle.query("none").catch(() => undefined);
  });
  const started = performance.now();
  return withRegistry(path, async ({ client }) => {
    const handles = Array.from({ length: recovered }, (_, n) => client.waiting.get(String(n)));
    await Promise.all(handles.map((handle) => handle.signal("go")));
    const results = await Promise.all(handles.map((handle) => handle.result()));
    if (results.some((result) => result !== "done")) throw new Error("a workflow was not recovered");
    return performance.now() - started;
  });
}

export async function benchWorkflows(): Promise<boolean> {
  const path = mkdtempSync(join(tmpdir(), "holdfast-bench-workflow-"));
  try {
    const rounds: number[] = [];
    for (let round = 0; round < 3; round++) rounds.push(await measureSteps(join(path, String(round))));
    const ceiling = await measureDurableCeiling({ inFlight, durationMs: 1_000 });
    const best = Math.max(...rounds);
    const recoverMs = await measureRecovery(join(path, "recovery"));
    console.log(
      `workflow steps: ${rounds.map((rate) => Math.round(rate)).join(", ")} /s at ${inFlight} workflows;`,
      `${((100 * best) / ceiling.perSecond).toFixed(0)} % of ${Math.round(ceiling.perSecond)} durable commits /s`,
    );
    console.log(`${recovered} workflows recovered and ended in ${recoverMs.toFixed(0)} ms`);
    const floor = Math.min(floors.stepsPerSecond, floors.ofCeiling * ceiling.perSecond);
    return best >= floor && recoverMs <= floors.recoverMs;
  } finally {
    rmSync(path, { recursive: true });
  }
}

if (import.meta.main && !(await benchWorkflows())) {
  console.error(`Below the floors: ${JSON.stringify(floors)}`);
  process.exitCode = 1;
}
