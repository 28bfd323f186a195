import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "@holdfast/core";
import { describeError } from "./errors.ts";

test("an unreadable repository is reported with its reason: permissions or damage", () => {
  for (const reason of [
    "The Studio has no permission to read /r. Check the permissions of the folder.",
    "Git cannot read the state",
  ]) {
    const { title } = describeError(new HoldfastError("repository", "unreadable", reason));
    assert.equal(title, reason);
  }
});
