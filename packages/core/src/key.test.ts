import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeKey, encodeKey, normalizeKey } from "./key.ts";

test("the text of a key is injective and decodes to the key", () => {
  const keys = [
    [],
    [""],
    ["", ""],
    ["a,b"],
    ["a", "b"],
    ["a", "b,"],
    ["/"],
    ["\u0000"],
    ["🙂"],
    ["."],
    [".."],
    ["%2C"],
  ];
  const texts = keys.map(encodeKey);
  assert.equal(new Set(texts).size, keys.length);
  assert.deepEqual(texts.map(decodeKey), keys);
  for (const text of texts) assert.match(text, /^[\w.!~*'()%,-]*$/);
});

test("only canonical text decodes", () => {
  for (const text of ["a", "a,b", "%2c,", "%61,", "%,", "%ff,", "a b,"]) {
    assert.throws(() => decodeKey(text), { group: "actor", code: "invalid_key" });
  }
});

test("an invalid key is a typed error, and null is the empty key", () => {
  assert.deepEqual(Reflect.apply(normalizeKey, undefined, [null]), []);
  for (const input of [5, {}, [1], [null], true]) {
    assert.throws(() => Reflect.apply(normalizeKey, undefined, [input]), { code: "invalid_key" });
  }
});

test("sizes are limited exactly", () => {
  assert.deepEqual(normalizeKey("x".repeat(128)), ["x".repeat(128)]);
  assert.throws(() => normalizeKey("x".repeat(129)), { code: "key_too_long" });
  assert.throws(() => normalizeKey("é".repeat(65)), { code: "key_too_long" });
  assert.doesNotThrow(() => normalizeKey(Array.from({ length: 8 }, () => "x".repeat(128))));
  assert.throws(() => normalizeKey(Array.from({ length: 9 }, () => "x".repeat(128))), {
    code: "key_too_long",
  });
  assert.throws(() => normalizeKey("\ud800"), { code: "invalid_key" });
});
