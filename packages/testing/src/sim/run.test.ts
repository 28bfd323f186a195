import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "./run.ts";

test("a workload that there is not fails the run, where none would find nothing", async () => {
  const { failure } = await simulate({ seed: "1", workloads: ["counters", "conters"] });
  assert.match(failure?.message ?? "", /no workload "conters"/);
});
