import assert from "node:assert/strict";
import { test } from "node:test";
import { goKeysText, goScreens, screenOfKey } from "./go-keys.ts";

test("each screen has a key of its own", () => {
  const keys: readonly string[] = Object.values(goScreens).map(({ key }) => key);
  assert.equal(new Set(keys).size, keys.length);
  assert.ok(!keys.includes("g"), "the first key twice leads nowhere");
  assert.equal(screenOfKey("I"), "inbox");
  assert.equal(screenOfKey("q"), undefined);
  assert.equal(goKeysText("tasks"), "G then T");
});
