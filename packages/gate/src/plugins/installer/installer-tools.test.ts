import assert from "node:assert/strict";
import { test } from "node:test";
import { compileSchema } from "../../broker/messages/schema.ts";
import { installerTools } from "./installer-tools.ts";

test("the schemas of the installer's tools are valid", () => {
  for (const { name, isBuiltIn, argumentsSchema } of installerTools) {
    assert.equal(isBuiltIn, true, name);
    compileSchema(argumentsSchema, name, { closed: true });
  }
});
