/** Start of an agent's computer: from the first call of a new actor to the answer of its first command. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { setup } from "holdfast";
import { agentOs } from "holdfast/agent-os";
import { ensure, median, type Outcome, type Scenario } from "../internal/scenario.ts";

const rounds = 9;
/** For a machine that is started ahead to be ready. */
const readyMs = 2_500;
const startLimitMs = 60;
const execLimitMs = 80;

async function measure(): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const dataDirectory = join(directory, "machines");
  const registry = setup({
    use: {
      cold: agentOs({ dataDirectory }),
      warm: agentOs({ dataDirectory, spares: 1, env: { WARM: "1" } }),
    },
    dataDirectory: join(directory, "data"),
    enginePort: 0,
    noWelcome: true,
  });
  await registry.start();
  const samples: Record<string, number[]> = {
    ...{ cold: [], "cold, first exec": [] },
    ...{ ahead: [], "ahead, first exec": [], "next exec": [] },
  };
  const timed = async (name: string, call: () => Promise<unknown>) => {
    const began = performance.now();
    await call();
    samples[name]?.push(performance.now() - began);
  };
  try {
    const { cold, warm } = registry.client;
    // Opens the gate and bundles the programs.
    await cold.getOrCreate("first").exec("true");
    await warm.getOrCreate("first").exec("true");
    for (let round = 0; round < rounds; round += 1) {
      await delay(readyMs);
      const [first, second, third] = ["a", "b", "c"].map((name) => `${name}${round}`);
      await timed("ahead", () => warm.getOrCreate(second ?? "").readdir("/"));
      await delay(readyMs);
      await timed("ahead, first exec", () => warm.getOrCreate(third ?? "").exec("true"));
      await timed("next exec", () => warm.getOrCreate(third ?? "").exec("true"));
      // Last, as what they leave to do would slow the others.
      await timed("cold", () => cold.getOrCreate(first ?? "").readdir("/"));
      await timed("cold, first exec", () => cold.getOrCreate(second ?? "").exec("true"));
    }
  } finally {
    await registry.shutdown();
    rmSync(directory, { recursive: true, force: true });
  }
  const value = (name: string) => median(samples[name] ?? []);
  ensure(value("cold") > 0, "machines were started");
  const [start, exec] = [value("ahead"), value("ahead, first exec")];
  return {
    figures: [
      { name: "started ahead: first answer", value: start, unit: "ms", detail: "a new actor; median" },
      { name: "started ahead: first exec", value: exec, unit: "ms", own: true },
      { name: "from nothing: first answer", value: value("cold"), unit: "ms", own: true },
      { name: "from nothing: first exec", value: value("cold, first exec"), unit: "ms", own: true },
      { name: "next exec", value: value("next exec"), unit: "ms", own: true },
    ],
    floors: [
      {
        name: "machine that was started ahead",
        value: start,
        limit: startLimitMs,
        unit: "ms",
        better: "less",
      },
      { name: "its first exec", value: exec, limit: execLimitMs, unit: "ms", better: "less" },
    ],
    samples,
  };
}

export const machine: Scenario = { name: "machine", run: measure };
