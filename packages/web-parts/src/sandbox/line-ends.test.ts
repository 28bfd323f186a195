import assert from "node:assert/strict";
import { test } from "node:test";
import { restoreLineEndings } from "./line-ends.ts";

/** Normalises line endings like a text field. */
function typed(text: string): string {
  return text.replace(/\r\n?/g, "\n");
}

test("a Windows file keeps its line endings when one of its lines is changed", () => {
  const before = "one\r\ntwo\r\nthree\r\n";
  assert.equal(restoreLineEndings(before, "one\n2\nthree\n"), "one\r\n2\r\nthree\r\n");
  assert.equal(restoreLineEndings(before, typed(before)), before);
  assert.equal(
    restoreLineEndings(before, "one\ntwo\nnew\nthree\nlast"),
    "one\r\ntwo\r\nnew\r\nthree\r\nlast",
  );
  assert.equal(restoreLineEndings(before, ""), "");
});

test("mixed line endings stay where they were", () => {
  const before = "a\r\nb\nc\rd\r\ne";
  assert.equal(restoreLineEndings(before, typed(before)), before);
  assert.equal(restoreLineEndings(before, "a\nb\nc\nx\nd\ne"), "a\r\nb\nc\rx\r\nd\r\ne");
  assert.equal(restoreLineEndings("a\nb\n", "a\nc\n"), "a\nc\n");
});
