import assert from "node:assert/strict";
import { test } from "node:test";
import { type SimOutcome, simulate, simulateTwice } from "@holdfast/testing/sim";

/** Seeds that found a bug, with its description. */
const kept: readonly {
  readonly seed: string;
  readonly workloads: readonly string[];
  readonly found: string;
}[] = [
  {
    seed: "3",
    workloads: ["lifecycles"],
    found: "getOrCreate concurrent with a create failed with duplicate_key",
  },
  {
    seed: "6",
    workloads: ["transfers"],
    found: "a send that was not awaited was missing from its turn",
  },
  {
    seed: "500613",
    workloads: ["counters", "events", "lifecycles", "queues"],
    found: "getOrCreate concurrent with a delayed creation failed with duplicate_key",
  },
  {
    seed: "20400",
    workloads: ["events", "lifecycles"],
    found: "an attempt to come back that was cut off itself took the events from the next one",
  },
  {
    seed: "139",
    workloads: ["blobs"],
    found: "an object that was put again while the actor asked what refers to it lost its bytes",
  },
  {
    seed: "462",
    workloads: ["blobs"],
    found: "the bytes of an object went before it was durable that nothing refers to it",
  },
  {
    seed: "60951",
    workloads: ["queues", "workflows"],
    found: "a sender to an actor taken over by another owner got an internal error",
  },
  {
    seed: "17",
    workloads: ["rooms"],
    found: "the end of a connection was durable before what onDisconnect wrote of it",
  },
  { seed: "18", workloads: ["rooms"], found: "onDisconnect ran before the state was loaded" },
  { seed: "75", workloads: ["rooms"], found: "a call ran for a connection that was lost, without its state" },
  { seed: "86", workloads: ["rooms"], found: "who left while the actor slept stayed present for the others" },
  {
    seed: "152",
    workloads: ["rooms"],
    found: "a subscription that woke the actor received incomplete presence",
  },
  {
    seed: "392",
    workloads: ["rooms"],
    found: "a subscriber during the start of a sleep received no presence",
  },
];

for (const { seed, workloads, found } of kept) {
  test(`seed ${seed}: ${workloads.join(" ")}: ${found}`, async () => {
    assertSound(await simulate({ seed, workloads }));
  });
}

for (const seed of ["1", "2", "3", "4", "5"]) {
  test(`seed ${seed}, twice: workloads of its choice`, async () => {
    assertSound(await simulateTwice({ seed }));
  });
}

function assertSound({ failure, steps }: SimOutcome): void {
  assert.equal(failure, undefined, failure?.stack);
  assert.ok(steps > 100, `only ${steps} steps`);
}
