import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError, UserError } from "./errors.ts";

test("null for the options of an error is as none", () => {
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

test("the status of an error is a number, whatever its group", () => {
  for (const group of ["constructor", "toString", "__proto__"]) {
    assert.equal(new HoldfastError(group, "any", "No").statusCode, 500);
  }
  assert.equal(new HoldfastError("kv", "any", "No").statusCode, 400);
});
