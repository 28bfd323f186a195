import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError, UserError } from "./errors.ts";

test("null counts as no options", () => {
  const { group, code, metadata, statusCode, cause } = new UserError("No", null);
  assert.deepEqual(
    { group, code, metadata, statusCode, cause },
    {
      group: "user",
      code: "user_error",
      metadata: undefined,
      statusCode: 400,
      cause: undefined,
    },
  );
  assert.equal(new HoldfastError("a", "b", "No", null).public, true);
});

test('every group yields a numeric status, even "constructor"', () => {
  for (const group of ["constructor", "toString", "__proto__"]) {
    assert.equal(new HoldfastError(group, "any", "No").statusCode, 500);
  }
  assert.equal(new HoldfastError("kv", "any", "No").statusCode, 400);
});
