import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePatch } from "../../shared/diff/patch.ts";
import { withContext } from "./context.ts";

const hunks = parsePatch(
  "@@ -10,7 +10,8 @@ f\n a\n b\n c\n-d\n+D\n+E\n e\n f\n g\n@@ -30,7 +31,6 @@\n h\n i\n j\n-k\n l\n m\n n\n",
);
const loaded = (...lines: number[]) => new Map(lines.map((line) => [line, `line ${line}`]));

test("gaps are before, between and after hunks", () => {
  const { before, after } = withContext(hunks, new Map(), undefined);
  assert.deepEqual(before, [
    { start: 1, end: 9 },
    { start: 18, end: 30 },
  ]);
  assert.deepEqual(after, { start: 37 });
  assert.deepEqual(withContext(hunks, new Map(), 36).after, undefined);
  assert.deepEqual(withContext(hunks, new Map(), 40).after, { start: 37, end: 40 });
});

test("loaded lines join the hunk that they touch, with both numbers", () => {
  const shown = withContext(hunks, loaded(9, 18, 19, 29, 30, 37, 38), 38);
  assert.deepEqual(shown.before, [
    { start: 1, end: 8 },
    { start: 20, end: 28 },
  ]);
  assert.equal(shown.after, undefined);
  assert.deepEqual(shown.hunks[0]?.lines[0], { type: "context", text: "line 9", oldLine: 9, newLine: 9 });
  assert.deepEqual(shown.hunks[0]?.lines.at(-1), {
    ...{ type: "context", text: "line 19", oldLine: 18, newLine: 19 },
  });
  assert.deepEqual(shown.hunks[1]?.lines[0], { type: "context", text: "line 29", oldLine: 28, newLine: 29 });
  assert.deepEqual(shown.hunks[1]?.lines.at(-1), {
    ...{ type: "context", text: "line 38", oldLine: 38, newLine: 38 },
  });
});

test("new, removed and ending files have nothing more to show", () => {
  assert.equal(withContext(parsePatch("@@ -0,0 +1,2 @@\n+a\n+b\n"), new Map(), undefined).after, undefined);
  const gone = withContext(parsePatch("@@ -1,2 +0,0 @@\n-a\n-b\n"), new Map(), undefined);
  assert.deepEqual([gone.before, gone.after], [[undefined], undefined]);
  const ending = parsePatch("@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
  assert.equal(withContext(ending, new Map(), undefined).after, undefined);
});

test("loaded lines that touch no hunk are shown on their own", () => {
  const shown = withContext(hunks, loaded(5, 24, 25, 50), 60);
  assert.deepEqual(
    shown.hunks.map(({ lines }) => [lines[0]?.newLine ?? lines[0]?.oldLine, lines.length]),
    [
      [5, 1],
      [10, 9],
      [24, 2],
      [31, 7],
      [50, 1],
    ],
  );
  assert.deepEqual(shown.before, [
    { start: 1, end: 4 },
    { start: 6, end: 9 },
    { start: 18, end: 23 },
    { start: 26, end: 30 },
    { start: 37, end: 49 },
  ]);
  assert.deepEqual(shown.after, { start: 51, end: 60 });
  assert.deepEqual(shown.hunks[2]?.lines[0], { type: "context", text: "line 24", oldLine: 23, newLine: 24 });
});
