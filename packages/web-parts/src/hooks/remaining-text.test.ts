import assert from "node:assert/strict";
import { test } from "node:test";
import { remainingText } from "./remaining-text.ts";

test("text typed while sending stays, and the sent text is removed", () => {
  assert.equal(remainingText("hello", "hello"), "");
  assert.equal(remainingText("hello and more", "hello"), " and more");
  assert.equal(remainingText("something else", "hello"), "something else");
});
