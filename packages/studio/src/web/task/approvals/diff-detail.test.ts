import assert from "node:assert/strict";
import { test } from "node:test";
import { diffsInDetail } from "./diff-detail.ts";

const change = { type: "diff", path: "/workspace/a", oldText: "a\n", newText: "b\n" };

test("finds file changes", () => {
  assert.deepEqual(diffsInDetail(JSON.stringify([change])), [
    { path: "/workspace/a", oldText: "a\n", newText: "b\n" },
  ]);
  assert.deepEqual(diffsInDetail(JSON.stringify([{ ...change, oldText: null }])), [
    { path: "/workspace/a", newText: "b\n" },
  ]);
});

test("leaves any other detail unchanged, so that nothing is hidden", () => {
  assert.equal(diffsInDetail(JSON.stringify([{ ...change, alsoRun: "rm -rf ." }])), undefined);
  assert.equal(diffsInDetail(JSON.stringify([change, { type: "content" }])), undefined);
  assert.equal(diffsInDetail(JSON.stringify({ command: "ls" })), undefined);
  assert.equal(diffsInDetail("[]"), undefined);
  assert.equal(diffsInDetail(JSON.stringify([change]).slice(0, -2)), undefined);
});
