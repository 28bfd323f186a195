import assert from "node:assert/strict";
import { test } from "node:test";
import { allowedTools } from "./desktop-tools.ts";

test("a group's list of tools chooses among those of the desktop", () => {
  const names = ["desktop_start", "desktop_screenshot", "desktop_key"];
  assert.deepEqual(allowedTools(names, undefined), names);
  assert.deepEqual(allowedTools(names, []), []);
  assert.deepEqual(allowedTools(names, ["memory_*", "desktop_s*"]), ["desktop_start", "desktop_screenshot"]);
  assert.deepEqual(allowedTools(names, ["desktop_k?y", "desktop_star"]), ["desktop_key"]);
  assert.deepEqual(allowedTools(names, ["*"]), names);
});
