import assert from "node:assert/strict";
import { test } from "node:test";
import type { TranscriptItem } from "../../../../transcript.ts";
import { landmarksOf, nextPrompt } from "./landmarks.ts";

const item = (type: "prompt" | "message", id: string): TranscriptItem => ({ type, id, at: 0, text: "" });
const failed: TranscriptItem = {
  ...{ type: "failed", id: "f", at: 0, error: { group: "agent", code: "exited", message: "" } },
};

test("the map has at most one mark for each place, and of several the most important", () => {
  const items = [item("prompt", "a"), item("message", "b"), item("prompt", "c"), failed];
  assert.deepEqual(landmarksOf(items), [
    { at: 0, kind: "prompt" },
    { at: 0.5, kind: "prompt" },
    { at: 0.75, kind: "failed" },
  ]);
  const many = Array.from({ length: 10_000 }, (_, index) =>
    index === 5_001 ? failed : item("prompt", String(index)),
  );
  const marks = landmarksOf(many);
  assert.equal(marks.length, 200);
  assert.deepEqual(
    marks.filter(({ kind }) => kind === "failed"),
    [{ at: 0.5, kind: "failed" }],
  );
  assert.deepEqual(landmarksOf([]), []);
});

test("prompts are found before and after an entry, from the end by default", () => {
  const items = [item("prompt", "a"), item("message", "b"), item("prompt", "c"), item("message", "d")];
  assert.equal(nextPrompt(items, undefined, -1), 2);
  assert.equal(nextPrompt(items, 2, -1), 0);
  assert.equal(nextPrompt(items, 0, -1), undefined);
  assert.equal(nextPrompt(items, 0, 1), 2);
  assert.equal(nextPrompt(items, undefined, 1), undefined);
});
