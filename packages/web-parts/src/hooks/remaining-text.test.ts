import assert from "node:assert/strict";
import { test } from "node:test";
import { remainingText } from "./remaining-text.ts";

test("what was typed while a text was being sent stays, and the text itself goes", () => {
  assert.equal(remainingText("hello", "hello"), "");
  assert.equal(remainingText("hello and more", "hello"), " and more");
  assert.equal(remainingText("something else", "hello"), "something else");
});
