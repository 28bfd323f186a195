import assert from "node:assert/strict";
import { test } from "node:test";
import { clientLimits } from "../limits.ts";
import { decodeEarlyEvents, encodeEarlyEvents, selectEarlyEvents } from "./early-events.ts";

const quotesAndComma = '"",'.length;

test("names may contain any text", () => {
  for (const names of [[], ["a"], ["é,\u0000", "", "a b"], ["$presence"]]) {
    assert.deepEqual(decodeEarlyEvents(encodeEarlyEvents(names)), names);
  }
});

test("the handshake takes as many names as fit", () => {
  const room = clientLimits.maxEarlyEventsBytes - "[]".length - quotesAndComma;
  assert.deepEqual(selectEarlyEvents(["x".repeat(room)]), ["x".repeat(room)]);
  assert.deepEqual(selectEarlyEvents(["x".repeat(room + 1)]), []);
  assert.deepEqual(selectEarlyEvents(["a", "x".repeat(room), "b"]), ["a"]);
});

test("anything but a list of names is refused", () => {
  const malformed = { group: "message", code: "malformed_frame" };
  for (const text of ["%", btoa("{}"), btoa("[1]"), btoa("[")]) {
    assert.throws(() => decodeEarlyEvents(text), malformed, text);
  }
});
