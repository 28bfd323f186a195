import assert from "node:assert/strict";
import { test } from "node:test";
import { readPanes } from "./panes.ts";

test("panes that were kept come back, and what is none is left out", () => {
  const sizes = { main: { files: 30, view: 70 } };
  assert.deepEqual(readPanes({ files: false, tools: true, sizes }), { files: false, tools: true, sizes });
  const shown = { files: true, tools: true, sizes: {} };
  for (const kept of [
    null,
    undefined,
    "x",
    [],
    {},
    { files: 3, sizes: null },
    { sizes: { main: { files: "30" } } },
  ])
    assert.deepEqual(readPanes(kept), shown, JSON.stringify(kept));
  assert.deepEqual(readPanes({ sizes: { ...sizes, odd: { files: 1000 } } }).sizes, sizes);
});
