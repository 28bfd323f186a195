import assert from "node:assert/strict";
import { test } from "node:test";
import { plantedBugs, simulate } from "@holdfast/testing/sim";

/** Where each bug shows, and how many seeds it may take until it does. */
const bounds: Readonly<
  Record<(typeof plantedBugs)[number], { readonly workloads: readonly string[]; readonly seeds: number }>
> = {
  "skip-fence": { workloads: ["counters", "lifecycles"], seeds: 60 },
  "early-ack": { workloads: ["counters"], seeds: 10 },
  "torn-commit": { workloads: ["queues"], seeds: 10 },
  "tear-database": { workloads: ["databases"], seeds: 20 },
  "drop-blob": { workloads: ["blobs"], seeds: 10 },
  "drop-queue-message": { workloads: ["queues"], seeds: 20 },
  "alarm-twice": { workloads: ["schedules"], seeds: 10 },
  "forget-wake": { workloads: ["schedules"], seeds: 10 },
  "forget-calls": { workloads: ["counters"], seeds: 20 },
  "stale-wake": { workloads: ["counters"], seeds: 10 },
  "drop-event": { workloads: ["events"], seeds: 10 },
  "repeat-event": { workloads: ["events"], seeds: 10 },
  "drop-outbox": { workloads: ["transfers"], seeds: 60 },
  "drop-signal": { workloads: ["signals"], seeds: 10 },
  "forget-connection": { workloads: ["rooms"], seeds: 20 },
  "forget-destroy": { workloads: ["handles"], seeds: 10 },
  "forget-step": { workloads: ["workflows"], seeds: 20 },
  "forget-answer": { workloads: ["waiters"], seeds: 20 },
};

for (const plant of plantedBugs) {
  const { workloads, seeds } = bounds[plant];
  test(`a planted bug is found: ${plant}`, async (t) => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { failure } = await simulate({ seed: String(seed), plant, workloads });
      if (failure === undefined) continue;
      t.diagnostic(`seed ${seed}: ${failure.message.split("\n")[0]}`);
      return;
    }
    assert.fail(`${seeds} seeds do not find ${plant}`);
  });
}
