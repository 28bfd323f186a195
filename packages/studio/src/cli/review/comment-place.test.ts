import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "@holdfast/cli";
import { placeOf, quoteOf } from "./comment-place.ts";

test("a place is a path and a line or a range of lines", () => {
  const lines = { path: "src/a:b.ts", startLine: 12, endLine: 15 };
  assert.deepEqual(placeOf("src/a:b.ts:12-15", false), { ...lines, side: "new" });
  assert.deepEqual(placeOf("src/a:b.ts:12", true), { ...lines, side: "old", endLine: 12 });
  for (const wrong of ["src/a.ts", "src/a.ts:0", "src/a.ts:5-4", ":3", "src/a.ts:1-501"])
    assert.throws(() => placeOf(wrong, false), UsageError, wrong);
});

test("a quote has whole lines, and no more than the server takes", () => {
  assert.equal(quoteOf(["one", "two"]), "one\ntwo");
  assert.equal(quoteOf(["one", "x".repeat(2_700)]), "one");
});
