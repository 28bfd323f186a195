/** How long an actor cannot be reached when its node is killed, and while its node hands over thousands of actors. */
import { performance } from "node:perf_hooks";
import { startPostgres } from "@holdfast/testing/postgres";
import { ensure, type Scenario } from "../internal/scenario.ts";
import { clientOf, keysAt, startNode } from "./processes.ts";

const drained = 10_000;
const watched = 50;

/** Milliseconds from the end of an actor's node to its first answer from another one, for one actor at a time. */
async function takeovers(ttlMs: number, count: number): Promise<readonly number[]> {
  const server = await startPostgres();
  const entry = await startNode("entry", server.url, ttlMs);
  const times: number[] = [];
  try {
    for (let round = 0; round < count; round++) {
      const owner = await startNode(`owner-${round}`, server.url, ttlMs);
      const [key = ""] = await keysAt(owner, 1);
      const handle = clientOf(entry).counter.getOrCreate([key]);
      await handle.add();
      const killedAt = performance.now();
      await owner.kill();
      ensure((await handle.add()) === 2, "a commit was lost");
      times.push(performance.now() - killedAt);
      await clientOf(entry).counter.destroy([key]);
    }
    return times;
  } finally {
    await entry.stop();
    await server.stop();
  }
}

function takeover(ttlMs: number, count: number, limitMs: number): Scenario {
  return {
    name: `takeover-${ttlMs / 1_000}s`,
    timeoutMs: 300_000,
    run: async () => {
      const samples = await takeovers(ttlMs, count);
      const slowest = Math.max(...samples);
      return {
        figures: [{ name: `slowest of ${count} takeovers`, value: slowest, unit: "ms" }],
        floors: [{ name: "slowest takeover", value: slowest, limit: limitMs, unit: "ms", better: "less" }],
        samples,
      };
    },
  };
}

export const takeoverByDefault = takeover(10_000, 3, 12_000);
export const quickTakeover = takeover(2_000, 8, 3_000);

export const drain: Scenario = {
  name: "drain",
  timeoutMs: 300_000,
  run: async () => {
    const server = await startPostgres();
    // Alone at first: it has all actors.
    const owner = await startNode("owner", server.url);
    const keys = Array.from({ length: drained }, (_, at) => `drained-${at}`);
    const handles = keys.map((key) => clientOf(owner).counter.getOrCreate([key]));
    for (let from = 0; from < drained; from += 200) {
      await Promise.all(handles.slice(from, from + 200).map((handle) => handle.add()));
    }
    const entry = await startNode("entry", server.url);
    let isStopped = false;
    let failed = 0;
    let longest = 0;
    try {
      const callers = keys.slice(0, watched).map(async (key) => {
        const handle = clientOf(entry).counter.getOrCreate([key]);
        for (let count = 2; !isStopped; count++) {
          const started = performance.now();
          try {
            ensure((await handle.add()) === count, "a commit was lost or repeated");
          } catch {
            failed++;
          }
          longest = Math.max(longest, performance.now() - started);
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
      });
      const started = performance.now();
      await owner.stop();
      const tookMs = performance.now() - started;
      isStopped = true;
      await Promise.all(callers);
      return {
        figures: [
          { name: "longest pause of an actor", value: longest, unit: "ms" },
          { name: `hand-over of what is left of ${drained} actors`, value: tookMs, unit: "ms", own: true },
        ],
        floors: [
          { name: "longest pause of an actor", value: longest, limit: 1_000, unit: "ms", better: "less" },
          { name: "failed calls", value: failed, limit: 0, unit: "times", better: "less" },
        ],
        samples: { longest, tookMs, failed },
      };
    } finally {
      await entry.stop();
      await server.stop();
    }
  },
};
