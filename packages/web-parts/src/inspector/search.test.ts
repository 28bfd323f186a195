import assert from "node:assert/strict";
import { test } from "node:test";
import { readFilter, readTab } from "./search.ts";

test("the filter is read from the address, and invalid values are ignored", () => {
  const search = { name: "counter", prefix: 5, status: "sleeping", x: 1 };
  assert.deepEqual(readFilter(search), { name: "counter", prefix: "5", status: "sleeping" });
  assert.deepEqual(readFilter({ name: "", prefix: {}, status: "dead" }), {});
});

test("only an existing tab is opened", () => {
  assert.deepEqual(readTab({ tab: "kv" }), { tab: "kv" });
  assert.deepEqual(readTab({ tab: "nowhere" }), {});
});
