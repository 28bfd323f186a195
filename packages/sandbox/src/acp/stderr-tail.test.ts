import assert from "node:assert/strict";
import { test } from "node:test";
import { StderrTail } from "./stderr-tail.ts";

test("the last lines are retained, up to the limits", () => {
  const tail = new StderrTail(2, 10);
  tail.push(Buffer.from("one\ntwo\nthree\n"));
  assert.equal(tail.toString(), "two\nthree");
  const one = new StderrTail(1, 10);
  one.push(Buffer.from("one\ntwo\nthree\n"));
  assert.equal(one.toString(), "three");
});

test("the byte limit counts bytes, and never cuts a character", () => {
  const tail = new StderrTail(16, 10);
  tail.push(Buffer.from("€".repeat(20)));
  assert.equal(tail.toString(), "€€€");
});

test("a character that arrives in two chunks is decoded as one", () => {
  const tail = new StderrTail(16, 100);
  const bytes = Buffer.from("größer\n");
  for (const byte of bytes) tail.push(Buffer.of(byte));
  assert.equal(tail.toString(), "größer");
});
