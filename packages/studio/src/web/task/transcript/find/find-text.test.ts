import assert from "node:assert/strict";
import { test } from "node:test";
import type { TranscriptItem } from "../../../../transcript.ts";
import { findEntries, nextMatch } from "./find-text.ts";

const message = (id: string, text: string): TranscriptItem => ({ type: "message", id, at: 0, text });

test("finds texts in any case in every kind of entry, and nothing for a blank text", () => {
  const items: TranscriptItem[] = [
    message("a", "Count the PELICANS"),
    message("b", "nothing"),
    {
      ...{ type: "tool", id: "c", at: 0, toolCallId: "c", title: "Edit", kind: "edit", status: "completed" },
      ...{
        input: "",
        output: "",
        diffs: [{ path: "src/pelicans.ts", newText: "" }],
        images: [],
        locations: [],
      },
    },
    { type: "failed", id: "d", at: 0, error: { group: "agent", code: "exited", message: "It ended" } },
  ];
  assert.deepEqual(findEntries(items, " pelicans"), [0, 2]);
  assert.deepEqual(findEntries(items, "agent.exited"), [3]);
  assert.deepEqual(findEntries(items, "  "), []);
});

test("goes from the last match up and down, around the ends", () => {
  assert.equal(nextMatch([2, 5, 9], undefined, 1), 9);
  assert.equal(nextMatch([2, 5, 9], 9, -1), 5);
  assert.equal(nextMatch([2, 5, 9], 9, 1), 2);
  assert.equal(nextMatch([2, 5, 9], 2, -1), 9);
  // The match may be gone, as the text has changed.
  assert.equal(nextMatch([2, 9], 5, 1), 9);
});
