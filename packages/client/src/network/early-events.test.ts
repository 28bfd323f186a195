import assert from "node:assert/strict";
import { test } from "node:test";
import { clientLimits } from "../limits.ts";
import { decodeEarlyEvents, earlyEvents, encodeEarlyEvents } from "./early-events.ts";

const quotesAndComma = '"",'.length;

test("names of any text travel", () => {
  for (const names of [[], ["a"], ["é,\u0000", "", "a b"], ["$presence"]]) {
    assert.deepEqual(decodeEarlyEvents(encodeEarlyEvents(names)), names);
  }
});

test("as many names go along as there is room for", () => {
  const room = clientLimits.maxEarlyEventsBytes - "[]".length - quotesAndComma;
  assert.deepEqual(earlyEvents(["x".repeat(room)]), ["x".repeat(room)]);
  assert.deepEqual(earlyEvents(["x".repeat(room + 1)]), []);
  assert.deepEqual(earlyEvents(["a", "x".repeat(room), "b"]), ["a"]);
});

test("what is no list of names is refused", () => {
  const malformed = { group: "message", code: "malformed_frame" };
  for (const text of ["%", btoa("{}"), btoa("[1]"), btoa("[")]) {
    assert.throws(() => decodeEarlyEvents(text), malformed, text);
  }
});
