import assert from "node:assert/strict";
import { test } from "node:test";
import { plantedClusterBugs, simulate, simulateTwice } from "@holdfast/testing/sim";

const nodes = 3;

/** Where each bug of several nodes shows, and how many seeds it may take until it does. */
const bounds: Readonly<
  Record<(typeof plantedClusterBugs)[number], { readonly workload: string; readonly seeds: number }>
> = {
  "answer-without-lease": { workload: "rooms", seeds: 150 },
  "stopped-clock": { workload: "counters", seeds: 200 },
  "skip-vacate": { workload: "counters", seeds: 150 },
  "keep-connections": { workload: "rooms", seeds: 60 },
  "drop-delivery": { workload: "transfers", seeds: 20 },
  "forward-twice": { workload: "counters", seeds: 20 },
};

for (const plant of plantedClusterBugs) {
  const { workload, seeds } = bounds[plant];
  test(`a planted bug of several nodes is found: ${plant}`, async (t) => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { failure } = await simulate({ seed: String(seed), plant, nodes, workloads: [workload] });
      if (failure === undefined) continue;
      t.diagnostic(`seed ${seed}: ${failure.message.split("\n")[0]}`);
      return;
    }
    assert.fail(`${seeds} seeds do not find ${plant}`);
  });
}

/** Seeds that found a bug of several nodes, with its description. */
const kept: readonly { readonly seed: string; readonly found: string }[] = [
  { seed: "329", found: "a message of an actor was not part of the turn that sent it" },
  { seed: "378", found: "a message was dropped when its target moved" },
  { seed: "337", found: "nobody looked for due actors when a session was valid again" },
  {
    seed: "1048",
    found: "a connection of an owner that had lost its lease lived on when the lease came back",
  },
  { seed: "113", found: "a node that had not read the leases answered requests of others" },
  { seed: "4741", found: "a claim that failed was not repeated" },
  { seed: "1621", found: "a request that waited loaded an actor on a full disk again and again" },
  {
    seed: "1723",
    found: "an actor that was taken over while it opened its database failed with an internal error",
  },
];

for (const { seed, found } of kept) {
  test(`three nodes, seed ${seed}: ${found}`, async () => {
    const { failure } = await simulateTwice({ seed, nodes });
    if (failure !== undefined) throw failure;
  });
}

test("three nodes hold every invariant under faults, with fresh seeds", async (t) => {
  const first = Date.now() % 1_000_000_000;
  t.diagnostic(`npm run sim -- --nodes ${nodes} --from ${first} --seeds 40`);
  for (let seed = first; seed < first + 40; seed++) {
    const { failure } = await simulate({ seed: String(seed), nodes });
    if (failure !== undefined) {
      throw new Error(`npm run sim -- --nodes ${nodes} --seed ${seed}`, { cause: failure });
    }
  }
});
