import assert from "node:assert/strict";
import { test } from "node:test";
import {
  allWorkloads,
  clusterWorkloads,
  plantedClusterBugs,
  simulate,
  simulateTwice,
} from "@holdfast/testing/sim";

const nodes = 3;

/** Where a bug of several nodes shows, how many seeds it may take until it does, and what is then found. */
interface Bound {
  readonly workload: string;
  readonly seeds: number;
  /** Where the search begins, for a bug that the seeds before do not find: 1 by default. */
  readonly first?: number;
  /** True if the bug needs many faults that end leases. */
  readonly testsLeases?: boolean;
  /** True if the bug needs a store of leases that loses changes. */
  readonly losesChanges?: boolean;
  readonly shows: RegExp;
}

const bounds: Readonly<Record<(typeof plantedClusterBugs)[number], Bound>> = {
  "answer-without-lease": {
    workload: "counters",
    first: 81,
    testsLeases: true,
    seeds: 100,
    shows: /is not linearizable/,
  },
  "stopped-clock": {
    workload: "counters",
    first: 110,
    testsLeases: true,
    seeds: 100,
    shows: /is not linearizable/,
  },
  "forget-suspension": {
    workload: "counters",
    first: 171,
    testsLeases: true,
    seeds: 100,
    shows: /is not linearizable/,
  },
  "skip-vacate": {
    workload: "counters",
    first: 8,
    seeds: 150,
    shows: /is not linearizable|served by two nodes/,
  },
  "keep-connections": { workload: "rooms", seeds: 60, shows: /has a gap/ },
  "drop-delivery": { workload: "transfers", seeds: 20, shows: /transfers arrive/ },
  "forward-twice": { workload: "counters", seeds: 20, shows: /is not linearizable/ },
  "skip-fence-on-move": {
    workload: "counters",
    first: 33,
    seeds: 60,
    shows: /has epoch \d+, the owner's is/,
  },
  "renew-with-local-time": {
    workload: "counters",
    first: 206,
    testsLeases: true,
    seeds: 100,
    shows: /is not linearizable/,
  },
  "forget-drain-flag": {
    workload: "counters",
    seeds: 60,
    shows: /every node serves actors|No node has taken over/,
  },
  "stale-map": {
    workload: "counters",
    first: 27,
    seeds: 150,
    shows: /Another node serves this actor|node is unreachable|No node/,
  },
  "drop-page": { workload: "databases", seeds: 60, shows: /SQL has|malformed/ },
  "pages-out-of-order": { workload: "databases", seeds: 60, shows: /SQL has|malformed/ },
  "alarm-at-handover": { workload: "schedules", seeds: 60, shows: /fired 2 times|took effect 2 times/ },
  "early-ack-at-handover": {
    workload: "counters",
    seeds: 100,
    shows: /before its commit|served by two nodes/,
  },
  "claim-live-shard": {
    workload: "counters",
    first: 9,
    seeds: 100,
    shows: /is not linearizable|served by two nodes|No node has taken over/,
  },
  "handover-before-sleep": { workload: "rooms", seeds: 100, shows: /has a gap|served by two nodes/ },
  "lose-missed-events": { workload: "events", seeds: 60, shows: /has a gap/ },
  "wake-newer-state": {
    workload: "releases",
    first: 7,
    seeds: 20,
    shows: /Cannot read properties|by the old release/,
  },
  "ignore-lost-changes": {
    workload: "counters",
    losesChanges: true,
    seeds: 40,
    shows: /serves although the store has lost changes/,
  },
  "resume-twice": { workload: "rooms", first: 20, seeds: 60, shows: /without a gap/ },
};

for (const plant of plantedClusterBugs) {
  const { workload, first = 1, seeds, testsLeases, losesChanges, shows } = bounds[plant];
  const run = { nodes, workloads: [workload], testsLeases, losesChanges };
  test(`a planted bug of several nodes is found: ${plant}`, async (t) => {
    for (let seed = first; seed < first + seeds; seed++) {
      const { failure } = await simulate({ ...run, seed: String(seed), plant });
      if (failure === undefined) continue;
      t.diagnostic(`seed ${seed}: ${failure.message.split("\n")[0]}`);
      assert.match(failure.message, shows);
      const sound = await simulate({ ...run, seed: String(seed) });
      assert.equal(sound.failure, undefined, "this seed fails without the planted bug, too");
      return;
    }
    assert.fail(`${seeds} seeds from ${first} on do not find ${plant}`);
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
  { seed: "575746289", found: "a node that had not read the leases failed the start of an actor" },
  { seed: "4741", found: "a claim that failed was not repeated" },
  { seed: "1621", found: "a request that waited loaded an actor on a full disk again and again" },
  {
    seed: "1723",
    found:
      "an actor that was taken over while it opened its database failed with an internal error; a shard that became empty as a transfer ended was never handed over",
  },
  {
    seed: "558267066",
    found: "two attempts of a client to resume were accepted in turn, and the later one found nothing",
  },
];

for (const { seed, found } of kept) {
  test(`three nodes, seed ${seed}: ${found}`, async () => {
    const { failure } = await simulate({ seed, nodes });
    if (failure !== undefined) throw failure;
  });
}

test("three nodes with all workloads run the same way twice", async () => {
  const workloads = [...allWorkloads, ...clusterWorkloads].map(({ name }) => name);
  const { failure } = await simulateTwice({ seed: "1", nodes, workloads });
  if (failure !== undefined) throw failure;
});

/** `npm run sim` runs as many as one likes. */
const freshSeeds = process.env["HOLDFAST_TEST_HEAVY"] === "1" ? 40 : 12;

test("three nodes hold every invariant under faults, with fresh seeds", async (t) => {
  const first = Date.now() % 1_000_000_000;
  t.diagnostic(`npm run sim -- --nodes ${nodes} --from ${first} --seeds ${freshSeeds}`);
  for (let seed = first; seed < first + freshSeeds; seed++) {
    const { failure } = await simulate({ seed: String(seed), nodes });
    if (failure !== undefined) {
      throw new Error(`npm run sim -- --nodes ${nodes} --seed ${seed}`, { cause: failure });
    }
  }
});
