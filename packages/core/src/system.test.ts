import assert from "node:assert/strict";
import { test } from "node:test";
import { systemRandom } from "./system.ts";

test("random bytes have the requested length and are never repeated", () => {
  const seen = new Set<string>();
  for (let n = 0; n < 1_000; n++) {
    for (const length of [16, 63, 64, 65]) {
      const bytes = systemRandom.bytes(length);
      assert.equal(bytes.length, length);
      assert.ok(bytes.some((byte) => byte !== 0));
      seen.add(Buffer.from(bytes.subarray(0, 16)).toString("hex"));
    }
  }
  assert.equal(seen.size, 4_000);
  assert.equal(systemRandom.bytes(0).length, 0);
});

test("changing returned bytes affects no other caller", () => {
  const first = systemRandom.bytes(16);
  first.fill(0);
  assert.ok(systemRandom.bytes(16).some((byte) => byte !== 0));
});
