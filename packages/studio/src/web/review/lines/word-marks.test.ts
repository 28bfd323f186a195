import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePatch } from "../../shared/diff/patch.ts";
import { wordMarks } from "./word-marks.ts";

function marksOf(patch: string): readonly string[] {
  return Array.from(wordMarks(parsePatch(patch)), ([{ type, text }, ranges]) =>
    [type, ...ranges.map(([start, end]) => text.slice(start, end))].join(" "),
  );
}

test("words that differ are marked on both sides", () => {
  assert.deepEqual(marksOf("@@ -1,2 +1,2 @@\n-const total = a + b;\n+const total = a - b;\n x\n"), [
    "removed +",
    "added -",
  ]);
  assert.deepEqual(
    marksOf("@@ -1,2 +1,3 @@\n-one two;\n-three four five;\n+one 2;\n+three four 5;\n+more;\n"),
    ["removed two", "added 2", "removed five", "added 5"],
  );
});

test("lines with nothing in common, alone, or too long have no marks", () => {
  assert.deepEqual(marksOf("@@ -1 +1 @@\n-old();\n+something(else, entirely)\n"), []);
  assert.deepEqual(marksOf("@@ -1,2 +1,1 @@\n-gone\n kept\n"), []);
  assert.deepEqual(marksOf("@@ -1,1 +1,2 @@\n kept\n+new\n"), []);
  const long = "x ".repeat(300);
  assert.deepEqual(marksOf(`@@ -1 +1 @@\n-${long}a\n+${long}b\n`), []);
});
