import assert from "node:assert/strict";
import { test } from "node:test";
import type { ReviewComment } from "../../../contract.ts";
import { parsePatch } from "../../shared/diff/patch.ts";
import { isInDiff, locateComment, quoteOf, whereItWas } from "./locate.ts";

const hunks = parsePatch("@@ -1,3 +1,4 @@\n one\n-two\n+TWO\n+same\n same\n");

function comment(more: Partial<ReviewComment>): ReviewComment {
  return {
    ...{ id: "i", path: "a", side: "new", contentId: "c", text: "x", createdAt: 1, updatedAt: 1 },
    ...{ startLine: 2, endLine: 2, quote: "TWO", ...more },
  } as ReviewComment;
}

test("a comment stays at its lines, follows them when they move, and is outdated when they are gone", () => {
  assert.deepEqual(locateComment(comment({}), hunks), { side: "new", start: 2, end: 2 });
  const moved = comment({ startLine: 9, endLine: 10, quote: "TWO\nsame" });
  assert.deepEqual(locateComment(moved, hunks), { side: "new", start: 2, end: 3 });
  const nearest = comment({ startLine: 7, endLine: 7, quote: "same" });
  assert.deepEqual(locateComment(nearest, hunks), { side: "new", start: 4, end: 4 });
  assert.equal(locateComment(comment({ quote: "gone" }), hunks), undefined);
  assert.equal(locateComment(comment({}), []), undefined);
});

test("a comment on removed lines does not move", () => {
  const old = comment({ side: "old", startLine: 2, endLine: 2, quote: "two" });
  assert.deepEqual(locateComment(old, hunks), { side: "old", start: 2, end: 2 });
  assert.equal(locateComment({ ...old, startLine: 1, endLine: 1 }, hunks), undefined);
});

test("a quote is the text of the selected lines of one side", () => {
  assert.equal(quoteOf(hunks, { side: "new", start: 1, end: 3 }), "one\nTWO\nsame");
  assert.equal(quoteOf(hunks, { side: "old", start: 1, end: 2 }), "one\ntwo");
  assert.equal(isInDiff(hunks, { side: "old", start: 1, end: 3 }), true);
  assert.equal(isInDiff(hunks, { side: "old", start: 1, end: 4 }), false);
});

test("a comment on lines that are gone is where they were", () => {
  assert.deepEqual(whereItWas({ side: "new", endLine: 3 }, hunks), { side: "new", start: 3, end: 3 });
  assert.deepEqual(whereItWas({ side: "new", endLine: 90 }, hunks), { side: "new", start: 4, end: 4 });
  const later = parsePatch("@@ -50 +50 @@\n-a\n+b\n");
  assert.equal(whereItWas({ side: "new", endLine: 9 }, later), undefined);
});
