import assert from "node:assert/strict";
import { test } from "node:test";
import { Attempt } from "./attempt.ts";

test("a retry reuses its id until it has arrived; another text gets a new id", () => {
  const attempt = new Attempt();
  const first = attempt.idFor("one");
  assert.equal(attempt.idFor("one"), first);
  const other = attempt.idFor("two");
  assert.notEqual(other, first);
  attempt.arrived();
  assert.notEqual(attempt.idFor("two"), other);
});
