import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 as nodes } from "node:zlib";
import { crc32 } from "./crc32.ts";

test("crc32 returns the published check values", () => {
  const long = Uint8Array.from({ length: 10_000 }, (_, index) => (index * 31) & 255);
  const short = Array.from({ length: 20 }, (_, length) => long.subarray(1, 1 + length));
  for (const bytes of [new TextEncoder().encode("123456789"), long, ...short]) {
    assert.equal(crc32(bytes), nodes(bytes));
  }
});
