import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckRun } from "../../contract/checks.ts";
import { type CheckRuns, ChecksStore } from "./store.ts";

function memoryKv() {
  const rows = new Map<string, string>();
  return {
    put: async (key: string, value: string) => void rows.set(key, value),
    delete: async (key: string) => void rows.delete(key),
    listPrefix: async (prefix: string) =>
      [...rows].filter(([key]) => key.startsWith(prefix)) as [string, string][],
  };
}

function run(id: string, change: Partial<CheckRun>): CheckRun {
  return {
    ...{ id, state: "passed", createdAt: 1, problems: [], output: id, outputEnd: 1 },
    ...change,
  };
}

test("the newest result of each state of the files is kept, and the output of the newest run", async () => {
  const kv = memoryKv();
  const store = new ChecksStore();
  const runs: CheckRuns = new Map();
  await store.put(kv, runs, "test", [
    run("e", { state: "stopped", tree: "B" }),
    run("d", { state: "failed", tree: "B" }),
    run("c", { state: "interrupted" }),
    run("b", { tree: "A" }),
    run("a", { state: "failed", tree: "A" }),
  ]);
  const kept = runs.get("test")?.map(({ id, output }) => `${id}:${output}`);
  // The stopped run says nothing about its state, but is the newest.
  assert.deepEqual(kept, ["e:e", "d:", "b:"]);
  const read = await new ChecksStore().read(kv);
  assert.deepEqual(read.get("test"), runs.get("test"));
});

test("what was in progress when the process ended is interrupted", async () => {
  const kv = memoryKv();
  const store = new ChecksStore();
  await store.put(kv, new Map(), "test", [
    run("b", { state: "running", tree: "B" }),
    run("a", { tree: "A" }),
  ]);
  await store.put(kv, new Map(), "lint", [run("c", { state: "waiting" })]);
  const read = await store.read(kv);
  assert.deepEqual(
    read.get("test")?.map(({ state }) => state),
    ["interrupted", "passed"],
  );
  assert.deepEqual(
    read.get("lint")?.map(({ state }) => state),
    ["interrupted"],
  );
});
