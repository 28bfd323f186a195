import assert from "node:assert/strict";
import { test } from "node:test";
import { base64url, formatKey, formatValue, formatValueLine, parseArguments, parseValue } from "./values.ts";

test("values that JSON lacks survive a round trip through the editor", () => {
  const value = {
    at: new Date(5),
    big: 12n,
    map: new Map([["a", new Set([1])]]),
    bytes: new Uint8Array([1]),
  };
  const parsed = parseValue(formatValue(value));
  assert.deepEqual(parsed, { ok: true, value });
});

test("invalid JSON and unknown tags are reported with a reason", () => {
  const broken = parseValue("{");
  assert.ok(!broken.ok && broken.problem.startsWith("This is not JSON"));
  const tag = parseValue('["$Nothing", 1]');
  assert.ok(!tag.ok && tag.problem.includes("tag is unknown"));
  assert.ok(!parseValue("").ok);
});

test("arguments are a list, and blank text is the empty list", () => {
  assert.deepEqual(parseArguments("  "), { ok: true, value: [] });
  assert.deepEqual(parseArguments("[1]"), { ok: true, value: [1] });
  const single = parseArguments("1");
  assert.ok(!single.ok && single.problem.includes("list"));
});

test("keys and values are shown with visible hidden characters", () => {
  assert.equal(formatKey([]), "no key");
  assert.equal(formatKey(["", "b"]), '"" / b');
  assert.equal(formatKey(["a\u202eb"]), "a⟨U+202E⟩b");
  assert.equal(formatValueLine("x".repeat(20), 5), '"xxxx…');
});

test("base64url encodes UTF-8", () => {
  assert.equal(base64url("ü?"), Buffer.from("ü?").toString("base64url"));
});
