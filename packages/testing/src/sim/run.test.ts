import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "./run.ts";

test("an unknown workload fails the run instead of passing it", async () => {
  const { failure } = await simulate({ seed: "1", workloads: ["counters", "conters"] });
  assert.match(failure?.message ?? "", /no workload "conters"/);
});
