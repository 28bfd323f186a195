import assert from "node:assert/strict";
import { test } from "node:test";
import { keysymOf } from "./keysyms.ts";

test("keys of browsers have the keysyms of X", () => {
  const expected = { a: 0x61, A: 0x41, " ": 0x20, ä: 0xe4, "€": 0x0100_20ac, "😀": 0x0101_f600 };
  for (const [key, keysym] of Object.entries({ ...expected, Enter: 0xff0d, F1: 0xffbe, F12: 0xffc9 })) {
    assert.equal(keysymOf(key), keysym, key);
  }
  for (const key of ["", "Dead", "Unidentified", "F0", "F25", "toString", "\n", "ab"]) {
    assert.equal(keysymOf(key), undefined, key);
  }
});
