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
      assert.equal(search.anyIn(whole.subarray(at + 1)), false, "a pattern that starts too late");
    }
  }
  assert.equal(search.anyIn(Buffer.from("aaaaaaaaaaaaaaaaaaab")), true, "patterns that overlap themselves");
  const many = Array.from({ length: 2_000 }, () => Buffer.from(randomBytes(12).toString("hex")));
  const large = new ByteSearch(many);
  for (const pattern of many.slice(0, 200))
    assert.equal(large.anyIn(Buffer.concat([noise, pattern, noise])), true);
  assert.equal(large.anyIn(Buffer.concat([noise, noise])), false);
});

test("the end of a chunk is held back exactly as far as it may start a pattern", () => {
  const patterns = ["abcdefgh", "needle-in-a-haystack", "aaaaaaaaab", "ab-ab-ab-ab-c"].map((each) =>
    Buffer.from(each),
  );
  const search = new ByteSearch(patterns);
  const wanted = (data: Buffer): number => {
    for (let length = data.length; length > 0; length--) {
      const end = data.subarray(data.length - length);
      if (patterns.some((each) => length < each.length && each.subarray(0, length).equals(end)))
        return length;
    }
    return 0;
  };
  for (const pattern of patterns) {
    for (let length = 0; length <= pattern.length; length++) {
      for (const before of ["", "xyz-", "a", "ab-", "some words before"]) {
        const data = Buffer.concat([Buffer.from(before), pattern.subarray(0, length)]);
        assert.equal(search.unfinishedIn(data), wanted(data), data.toString());
      }
    }
  }
  assert.equal(
    search.unfinishedIn(Buffer.from("needle-in-a-haystack")),
    0,
    "a complete pattern is not held back",
  );
  assert.equal(new ByteSearch([]).unfinishedIn(Buffer.from("abc")), 0);
});
