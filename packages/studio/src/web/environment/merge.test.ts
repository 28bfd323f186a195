import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { EnvironmentChange, EnvironmentView, RepositoryEnvironment } from "../../contract.ts";
import { withChange, withOutput } from "./merge.ts";

const latest: EnvironmentView = {
  ...{ id: "e", repository: "/r", source: "f", required: true, commit: "c", inputs: [], notSupported: [] },
  ...{ status: "preparing", startedAt: 1, revision: 4 },
  steps: [{ name: "a", state: "running", output: "abc", outputEnd: 10 }],
};
const known: RepositoryEnvironment = { repository: "/r", id: "e", isPrepared: false, latest };

function change(fields: Partial<EnvironmentChange>): EnvironmentChange {
  return { ...latest, steps: [{ name: "a", state: "done" }], ...fields };
}

describe("a change of an environment", () => {
  test("keeps the output of its steps", () => {
    const after = withChange(known, change({ revision: 5, status: "ready" }));
    assert.equal(after?.isPrepared, true);
    assert.deepEqual(after?.latest?.steps, [{ name: "a", state: "done", output: "abc", outputEnd: 10 }]);
  });

  test("that is old, or about another environment, changes nothing", () => {
    assert.equal(withChange(known, change({ revision: 4 })), known);
    assert.equal(withChange(known, change({ revision: 9, id: "other" })), known);
  });

  test("that begins a preparation has it read again", () => {
    assert.equal(withChange(known, change({ revision: 5, startedAt: 2 })), undefined);
  });
});

describe("output of a step", () => {
  test("is added where it follows", () => {
    assert.equal(withOutput(known, { step: 0, start: 10, text: "de" })?.latest?.steps[0]?.output, "abcde");
    assert.equal(withOutput(known, { step: 0, start: 8, text: "bcde" })?.latest?.steps[0]?.output, "abcde");
  });

  test("that is known changes nothing, and a gap has it read again", () => {
    assert.equal(withOutput(known, { step: 0, start: 7, text: "abc" }), known);
    assert.equal(withOutput(known, { step: 0, start: 11, text: "x" }), undefined);
    assert.equal(withOutput(known, { step: 1, start: 0, text: "x" }), undefined);
  });
});
