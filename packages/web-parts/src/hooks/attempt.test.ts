import assert from "node:assert/strict";
import { test } from "node:test";
import { Attempt } from "./attempt.ts";

test("what is sent again has the id that it had, until it has arrived; another text has another", () => {
  const attempt = new Attempt();
  const first = attempt.idFor("one");
  assert.equal(attempt.idFor("one"), first);
  const other = attempt.idFor("two");
  assert.notEqual(other, first);
  attempt.arrived();
  assert.notEqual(attempt.idFor("two"), other);
});
