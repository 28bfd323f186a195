import assert from "node:assert/strict";
import { test } from "node:test";
import { StderrTail } from "./stderr-tail.ts";

test("the last lines are kept, up to so many bytes", () => {
  const tail = new StderrTail(2, 10);
  tail.push(Buffer.from("one\ntwo\nthree\n"));
  assert.equal(tail.toString(), "two\nthree");
  const one = new StderrTail(1, 10);
  one.push(Buffer.from("one\ntwo\nthree\n"));
  assert.equal(one.toString(), "three");
});

test("a limit of bytes is one of bytes, and no character is cut", () => {
  const tail = new StderrTail(16, 10);
  tail.push(Buffer.from("€".repeat(20)));
  assert.equal(tail.toString(), "€€€");
});

test("a character that comes in two pieces is one", () => {
  const tail = new StderrTail(16, 100);
  const bytes = Buffer.from("größer\n");
  for (const byte of bytes) tail.push(Buffer.of(byte));
  assert.equal(tail.toString(), "größer");
});
