import assert from "node:assert/strict";
import { test } from "node:test";
import { unsent } from "./unsent.ts";

test("what was typed while a text was being sent stays, and the text itself goes", () => {
  assert.equal(unsent("hello", "hello"), "");
  assert.equal(unsent("hello and more", "hello"), " and more");
  assert.equal(unsent("something else", "hello"), "something else");
});
