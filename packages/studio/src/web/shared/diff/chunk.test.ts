import assert from "node:assert/strict";
import { test } from "node:test";
import { chunk } from "./chunk.ts";

test("items are grouped in order, and the last group may be smaller", () => {
  assert.deepEqual(chunk([1, 2, 3, 4, 5], 2), [[1, 2], [3, 4], [5]]);
  assert.deepEqual(chunk([], 2), []);
});
