import assert from "node:assert/strict";
import { test } from "node:test";
import { isFinal } from "./live.ts";

test("a refusal and the end of the actor are final, a server that stops is not", () => {
  assert.equal(isFinal(1008, "inspector.unauthorized"), true);
  assert.equal(isFinal(1008, "actor.not_found"), true);
  assert.equal(isFinal(1000, "actor.destroyed"), true);
  assert.equal(isFinal(1008, "gateway.shutting_down"), false);
  assert.equal(isFinal(1001, "gateway.shutting_down"), false);
  assert.equal(isFinal(1006, ""), false);
  assert.equal(isFinal(1013, "conn.too_slow"), false);
});
