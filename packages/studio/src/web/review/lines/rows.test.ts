import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePatch } from "../../shared/diff/patch.ts";
import { splitRows } from "./rows.ts";

test("changed lines face each other, and what has no counterpart faces nothing", () => {
  const patch = "@@ -1,4 +1,4 @@\n a\n-b\n-c\n+B\n d\n+e\n\\ No newline at end of file\n";
  const rows = splitRows(parsePatch(patch)[0]?.lines ?? []);
  assert.deepEqual(
    rows.map(({ left, right }) => [left?.text, right?.text]),
    [
      ["a", "a"],
      ["b", "B"],
      ["c", undefined],
      ["d", "d"],
      [undefined, "e"],
      [undefined, "No newline at the end of the file"],
    ],
  );
});
