/**
 * Workflow steps through the complete runtime on the SQLite store, with many workflows at once, compared with the
 * durable commits of the store in the same run; and the time to recover many workflows after a kill.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import {
  ensure,
  interleave,
  least,
  most,
  type Outcome,
  roundMs,
  type Scenario,
} from "../internal/scenario.ts";
import { Target } from "../internal/target.ts";
import { openWorkflows, ran } from "../internal/workflows.ts";
import { measureDurableCeiling } from "./store.ts";

const floors = { stepsPerSecond: 10_000, recoverMs: 1_000 } as const;
const inFlight = 256;
const stepsEach = Number(process.env["BENCH_STEPS"] ?? "100");
const recovered = 100;

async function inDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-workflow-"));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Steps a second, measured until every workflow has returned its result. */
async function runSteps(path: string): Promise<number> {
  const registry = openWorkflows(path);
  try {
    const keys = Array.from({ length: inFlight }, (_, n) => String(n));
    const handles = keys.map((key) => registry.client.counting.getOrCreate(key));
    await Promise.all(handles.map((handle) => handle.get()));
    ran.steps = 0;
    const started = performance.now();
    await Promise.all(handles.map((handle) => handle.start(stepsEach)));
    const results = await Promise.all(handles.map((handle) => handle.result()));
    const seconds = (performance.now() - started) / 1_000;
    ensure(ran.steps === inFlight * stepsEach, `${ran.steps} steps ran`);
    ensure(
      results.every((result) => result === stepsEach),
      "a workflow had a wrong result",
    );
    return ran.steps / seconds;
  } finally {
    await registry.shutdown();
  }
}

async function measureSteps(): Promise<Outcome> {
  return inDirectory(async (directory) => {
    let round = 0;
    const samples = await interleave(
      {
        steps: () => runSteps(join(directory, String(round++))),
        ceiling: async () => (await measureDurableCeiling({ inFlight, durationMs: roundMs })).perSecond,
      },
      3,
    );
    const value = most(samples.steps);
    return {
      figures: [
        { name: `${inFlight} workflows`, value, unit: "/s" },
        { name: "ceiling", value: most(samples.ceiling), unit: "/s" },
      ],
      floors: [{ name: "steps", value, limit: floors.stepsPerSecond, unit: "/s", better: "more" }],
      samples,
    };
  });
}

/** Time from opening a killed process's store until all its waiting workflows have returned their results. */
async function recoverOnce(path: string): Promise<number> {
  const first = await Target.start("workflow-target", [path, String(recovered)]);
  await first.kill();
  const started = performance.now();
  const registry = openWorkflows(path);
  try {
    const keys = Array.from({ length: recovered }, (_, n) => String(n));
    const handles = keys.map((key) => registry.client.waiting.get(key));
    await Promise.all(handles.map((handle) => handle.signal("go")));
    const results = await Promise.all(handles.map((handle) => handle.result()));
    const ms = performance.now() - started;
    ensure(
      results.every((result) => result === "done"),
      "a workflow was not recovered",
    );
    return ms;
  } finally {
    await registry.shutdown();
  }
}

async function measureRecovery(): Promise<Outcome> {
  return inDirectory(async (directory) => {
    let round = 0;
    const samples = await interleave({ recovery: () => recoverOnce(join(directory, String(round++))) }, 3);
    const value = least(samples.recovery);
    return {
      figures: [{ name: `${recovered} workflows`, value, unit: "ms" }],
      floors: [
        { name: "recovered after a kill", value, limit: floors.recoverMs, unit: "ms", better: "less" },
      ],
      samples,
    };
  });
}

export const steps: Scenario = { name: "workflow-steps", run: measureSteps };
export const recovery: Scenario = { name: "workflow-recovery", run: measureRecovery };
