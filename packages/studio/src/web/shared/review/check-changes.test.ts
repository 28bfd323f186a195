import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckRun, ChecksView } from "../../../contract.ts";
import { keepNewerChecks, withCheckOutput, withChecksChange } from "./check-changes.ts";

const run: CheckRun = {
  ...{ id: "r", state: "running", createdAt: 1, problems: [], output: "one ", outputEnd: 4 },
};
const view: ChecksView = {
  ...{ source: "f", revision: 3 },
  checks: [{ name: "test", run: "npm test", timeoutMs: 1, isAfterTurn: false, runs: [run] }],
};

test("output is appended once, and a gap is noticed", () => {
  const piece = { name: "test", runId: "r", start: 2, text: "e two" };
  const after = withCheckOutput(view, piece);
  assert.equal(after?.checks[0]?.runs[0]?.output, "one two");
  assert.equal(after === undefined ? undefined : withCheckOutput(after, piece), after);
  assert.equal(withCheckOutput(view, { ...piece, start: 9 }), undefined);
  assert.equal(withCheckOutput(view, { ...piece, runId: "other" }), undefined);
});

test("a change keeps the output, comes once and in order", () => {
  const { output: _output, ...rest } = run;
  const change = { revision: 4, name: "test", runs: [{ ...rest, state: "passed" as const }] };
  const after = withChecksChange(view, change);
  assert.deepEqual(after?.checks[0]?.runs[0], { ...run, state: "passed" });
  assert.equal(withChecksChange(view, { ...change, revision: 3 }), view);
  assert.equal(withChecksChange(view, { ...change, revision: 5 }), undefined);
  assert.equal(keepNewerChecks(after, view), after);
});
