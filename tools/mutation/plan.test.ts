import assert from "node:assert/strict";
import { test } from "node:test";
import { equivalents } from "./equivalents.ts";
import { plan, unknownTo } from "./plan.ts";

test("the plan fits the sources of the gate: every mutant is made, none twice, no protection is unknown", () => {
  // A place that is no longer in its file, or is there twice, throws and names it.
  const mutants = plan();
  const ids = mutants.map(({ id }) => id);
  assert.deepEqual(
    ids.filter((id, index) => ids.indexOf(id) !== index),
    [],
  );
  assert.deepEqual(unknownTo(mutants), []);
  assert.deepEqual(
    [...equivalents.keys()].filter((id) => !ids.includes(id)),
    [],
  );
});
