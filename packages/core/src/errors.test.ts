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
