import assert from "node:assert/strict";
import { test } from "node:test";
import { editDraft, withLineFeeds } from "./drafts.ts";

const windows = { text: "one\r\ntwo\r\n", size: 10, etag: '"1"' };

test("an edit keeps the line endings of the file, and the version that it began with", () => {
  const first = editDraft(undefined, windows, withLineFeeds(windows.text).replace("two", "2"));
  assert.deepEqual(first, { text: "one\r\n2\r\n", base: windows });
  const changed = { text: "other\n", size: 6, etag: '"2"' };
  assert.deepEqual(editDraft(first, changed, "one\n2\nthree\n"), {
    text: "one\r\n2\r\nthree\r\n",
    base: windows,
  });
});

test("an edit that is undone is none", () => {
  const draft = editDraft(undefined, windows, "one\ntwo");
  assert.equal(editDraft(draft, windows, "one\ntwo\n"), undefined);
});
