import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyFilter } from "./key-filter.ts";

const key = (i: number): string => `0199f0c4-7d2b-7c5e-8a11-${i.toString(16).padStart(12, "0")}`;

test("has no false negatives within the window, and few false positives", () => {
  const filter = new KeyFilter(1_000, 0);
  for (let i = 0; i < 50_000; i++) filter.add(key(i), 0);
  for (let i = 50_000; i < 100_000; i++) filter.add(key(i), 1_000);
  for (let i = 0; i < 100_000; i++) assert.ok(filter.mayHave(key(i)));
  let invented = 0;
  for (let i = 100_000; i < 200_000; i++) if (filter.mayHave(key(i))) invented++;
  assert.ok(invented < 2_000, `${invented} of 100,000`);
});

test("forgets keys older than two windows", () => {
  const filter = new KeyFilter(1_000, 0);
  filter.add("old", 0);
  filter.add("next", 1_000);
  assert.ok(filter.mayHave("old"));
  filter.add("newest", 2_000);
  assert.equal(filter.mayHave("old"), false);
  assert.ok(filter.mayHave("next"));
});
