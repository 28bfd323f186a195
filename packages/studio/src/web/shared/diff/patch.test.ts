import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePatch } from "./patch.ts";

test("numbers the lines of each hunk", () => {
  const [first, second] = parsePatch(
    [
      "diff --git a/a.ts b/a.ts",
      "--- a/a.ts",
      "+++ b/a.ts",
      "@@ -1,3 +1,3 @@ function a() {",
      " one",
      "-two",
      "+2",
      " three",
      "@@ -10 +10,2 @@",
      " ten",
      "+eleven",
      "\\ No newline at end of file",
      "",
    ].join("\n"),
  );
  assert.equal(first?.header, "function a() {");
  assert.deepEqual(first?.lines, [
    { type: "context", text: "one", oldLine: 1, newLine: 1 },
    { type: "removed", text: "two", oldLine: 2 },
    { type: "added", text: "2", newLine: 2 },
    { type: "context", text: "three", oldLine: 3, newLine: 3 },
  ]);
  assert.deepEqual(
    second?.lines.map((line) => line.type),
    ["context", "added", "note"],
  );
});

test("lines that look like headers are content", () => {
  const [hunk, ...rest] = parsePatch("@@ -1,2 +1,2 @@\n--- a comment\n-@@ -1 +1 @@\n+++ b\n+@@ x\n");
  assert.equal(rest.length, 0);
  assert.deepEqual(
    hunk?.lines.map((line) => line.text),
    ["-- a comment", "@@ -1 +1 @@", "++ b", "@@ x"],
  );
});

test("a patch without hunks is empty", () => {
  assert.deepEqual(parsePatch(""), []);
  assert.deepEqual(parsePatch("old mode 100644\nnew mode 100755\n"), []);
});
