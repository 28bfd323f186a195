/** Latency of the first durable action of a new actor, and of an action that wakes a sleeping one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { Generator, httpBody, httpHeaders } from "../internal/calls.ts";
import {
  ensure,
  interleave,
  median,
  type Outcome,
  quantile,
  roundMs,
  type Scenario,
} from "../internal/scenario.ts";
import { Target } from "../internal/target.ts";
import { withRegistry } from "./in-process.ts";
import { measureDurableCeiling } from "./store.ts";

const each = 200;

/** Milliseconds of each of `count` sequential calls. */
async function timed(count: number, expected: number, call: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let n = 0; n < count; n++) {
    const started = performance.now();
    const result = await call();
    times.push(performance.now() - started);
    ensure(result === expected, `the action returned ${result}`);
  }
  return times;
}

/** The fastest round decides: other programs on the machine only make a round slower. */
function outcome(
  name: string,
  limit: number,
  medians: readonly number[],
  samples: unknown,
  sync: number,
): Outcome {
  const value = Math.min(...medians);
  return {
    figures: [
      { name: "actor", value, unit: "ms" },
      { name: "one commit", value: sync, unit: "ms" },
    ],
    floors: [{ name, value, limit, unit: "ms", better: "less" }],
    samples,
  };
}

const ceilingMs = async (): Promise<number> =>
  1_000 / (await measureDurableCeiling({ inFlight: 1, durationMs: roundMs })).perSecond;

async function measureCreate(): Promise<Outcome> {
  return withRegistry(async ({ client }, reopen) => {
    let made = 0;
    const samples = await interleave({
      actor: () => timed(each, 1, () => client.counter.getOrCreate(`cold-${made++}`).increment(1)),
      commit: ceilingMs,
    });
    const again = (await reopen()).client;
    ensure((await again.counter.get(`cold-${made - 1}`).get()) === 1, "a created actor was not durable");
    const medians = samples.actor.map(median);
    return outcome("create and first action, in process", 1, medians, samples, Math.min(...samples.commit));
  });
}

async function measureCreateHttp(): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const generator = new Generator();
  const target = await Target.start("holdfast-target", [directory]);
  const job = {
    transport: "http",
    port: target.port,
    paths: ["/actors/counter/@cold-{n},/actions/increment?create=true"],
    payload: httpBody,
    headers: httpHeaders,
    callers: 1,
    durationMs: roundMs,
    fresh: true,
  } as const;
  try {
    const samples = await interleave({ actor: () => generator.load(job), commit: ceilingMs });
    const medians = samples.actor.map((result) => result.p50Ms);
    return outcome("create and first action, HTTP", 2, medians, samples, Math.min(...samples.commit));
  } finally {
    generator.close();
    await target.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measureWake(): Promise<Outcome> {
  return withRegistry(async (first, reopen) => {
    const rounds = 6;
    const keys = Array.from({ length: each * rounds }, (_, n) => `sleeper-${n}`);
    await Promise.all(keys.map((key) => first.client.counter.getOrCreate(key).increment(1)));
    const { client } = await reopen();
    let at = 0;
    const samples = await interleave(
      {
        actor: () => timed(each, 2, () => client.counter.get(keys[at++] ?? "").increment(1)),
        commit: ceilingMs,
      },
      rounds - 1,
    );
    const p99 = Math.min(...samples.actor.map((times) => quantile(times, 0.99)));
    const medians = samples.actor.map(median);
    const result = outcome("wake and action", 1, medians, samples, Math.min(...samples.commit));
    return { ...result, notes: [`p99 of the fastest round ${p99.toFixed(2)} ms`] };
  });
}

export const create: Scenario = { name: "cold-create", run: measureCreate };
export const createHttp: Scenario = { name: "cold-create-http", run: measureCreateHttp };
export const wake: Scenario = { name: "wake", run: measureWake };
