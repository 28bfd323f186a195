import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 as nodes } from "node:zlib";
import { crc32 } from "./crc32.ts";

test("crc32 returns the published check values", () => {
  const long = Uint8Array.from({ length: 10_000 }, (_, index) => (index * 31) & 255);
  for (const bytes of [new Uint8Array(0), new TextEncoder().encode("123456789"), long]) {
    assert.equal(crc32(bytes), nodes(bytes));
  }
});
