import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { ByteSearch } from "./byte-search.ts";

test("a pattern is found wherever it is, and nothing where none is", () => {
  const patterns = [
    "abcdefgh",
    "needle-in-a-haystack",
    "aaaaaaaaab",
    "\u00ff\u00fe\u00fd\u00fc\u00fb\u00fa\u00f9\u00f8\u00f7",
  ];
  const bytes = patterns.map((pattern) => Buffer.from(pattern, "latin1"));
  const search = new ByteSearch(bytes);
  const noise = Buffer.from(randomBytes(600).toString("hex").replaceAll("a", "x"));
  assert.equal(search.anyIn(noise), false);
  assert.equal(new ByteSearch([]).anyIn(noise), false);
  assert.equal(search.anyIn(Buffer.alloc(0)), false);
  for (const pattern of bytes) {
    for (let at = 0; at < 64; at++) {
      const whole = Buffer.concat([noise.subarray(0, at), pattern, noise.subarray(at, at + 40)]);
      assert.equal(search.anyIn(whole), true, `${pattern.toString("latin1")} at ${at}`);
      assert.equal(search.anyIn(whole.subarray(0, at + pattern.length)), true, "at the very end");
      assert.equal(search.anyIn(whole.subarray(0, at + pattern.length - 1)), false, "cut off");
      assert.equal(search.anyIn(whole.subarray(at + 1)), false, "begun too late");
    }
  }
  assert.equal(search.anyIn(Buffer.from("aaaaaaaaaaaaaaaaaaab")), true, "patterns that overlap themselves");
  const many = Array.from({ length: 2_000 }, () => Buffer.from(randomBytes(12).toString("hex")));
  const large = new ByteSearch(many);
  for (const pattern of many.slice(0, 200))
    assert.equal(large.anyIn(Buffer.concat([noise, pattern, noise])), true);
  assert.equal(large.anyIn(Buffer.concat([noise, noise])), false);
});
