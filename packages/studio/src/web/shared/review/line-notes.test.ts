import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckRun, ChecksView } from "../../../contract.ts";
import { lineNotes } from "./line-notes.ts";

const run = (change: Partial<CheckRun>): CheckRun => ({
  ...{ id: "1", state: "failed", tree: "t1", createdAt: 1, output: "", outputEnd: 0 },
  problems: [{ path: "a.ts", line: 3, column: 5, message: "no" }],
  ...change,
});
const view = (...runs: readonly CheckRun[]): ChecksView => ({
  revision: 1,
  checks: [{ name: "types", run: "tsc", timeoutMs: 1, isAfterTurn: false, runs }],
});

test("the newest result is at its lines, if it is about the files that are shown", () => {
  const isShown = ({ tree }: CheckRun) => tree === "t1";
  assert.deepEqual(
    [...lineNotes(view(run({})), isShown)],
    [["a.ts", [{ check: "types", line: 3, column: 5, message: "no" }]]],
  );
  assert.equal(lineNotes(view(run({ tree: "t2" }), run({})), isShown).size, 0);
  assert.equal(lineNotes(view(run({ isMoved: true })), isShown).size, 0);
  assert.equal(lineNotes(undefined, isShown).size, 0);
});
