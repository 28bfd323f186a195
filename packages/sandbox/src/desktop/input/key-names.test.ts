import assert from "node:assert/strict";
import { test } from "node:test";
import { isTypeable, keysymOfKey, keysymsOfShortcut } from "./key-names.ts";

const none = { ctrl: false, shift: false, alt: false, cmd: false };
const names: Readonly<Record<string, number>> = {
  a: 0x61,
  A: 0x41,
  "+": 0x2b,
  ä: 0xe4,
  "€": 0x0100_20ac,
  "😀": 0x0101_f600,
  U20AC: 0x0100_20ac,
  Return: 0xff0d,
  enter: 0xff0d,
  f5: 0xffc2,
  ctrl: 0xffe3,
  Cmd: 0xffeb,
  PageUp: 0xff55,
  KP_Enter: 0xff8d,
};

test("keys have X names, short names, characters and code points", () => {
  for (const [name, keysym] of Object.entries(names)) assert.equal(keysymOfKey(name), keysym, name);
  for (const name of ["nothing", "toString", "F99", "U110000", "U0007", "\u0007", "ab"]) {
    assert.throws(() => keysymOfKey(name), /there is no key/, name);
  }
});

test("shortcuts are pressed in their order, modifiers first", () => {
  const { ctrl = 0, a = 0, Cmd = 0, "+": plus = 0 } = names;
  assert.deepEqual(keysymsOfShortcut("ctrl+a", none), [ctrl, a]);
  assert.deepEqual(keysymsOfShortcut("a", { ...none, ctrl: true, cmd: true }), [ctrl, Cmd, a]);
  assert.deepEqual(keysymsOfShortcut("+", none), [plus]);
  assert.deepEqual(keysymsOfShortcut("ctrl++", none), [ctrl, plus]);
  assert.throws(() => keysymsOfShortcut("ctrl+nothing", none), /there is no key/);
});

test("control characters and halves of characters cannot be typed", () => {
  for (const character of ["a", "\n", "\t", "語"]) assert.ok(isTypeable(character));
  for (const character of ["\u0000", "\u001b", "\ud800"]) assert.ok(!isTypeable(character));
});
