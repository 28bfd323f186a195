/** The range that a client requests by its headers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { requestedRange } from "./conditions.ts";

const rangeOf = (range: string) => requestedRange({ range }, 100, '"1"');

test("a range in another unit is ignored", () => {
  assert.deepEqual(rangeOf("bytes=0-9"), { start: 0, end: 9 });
  assert.deepEqual(rangeOf("Bytes= 10 - "), { start: 10, end: 99 });
  assert.deepEqual(rangeOf("bytes=-5"), { start: 95, end: 99 });
  assert.deepEqual(rangeOf("bytes=90-1000"), { start: 90, end: 99 });
  for (const other of [
    "bytes=-",
    "bytes=5-2",
    "bytes=0-1,4-5",
    "bytes=1-2-3",
    "bytes=+1-2",
    "lines=0-9",
    "bytes",
    "",
  ]) {
    assert.equal(rangeOf(other), undefined, other);
  }
  for (const beyond of ["bytes=100-", "bytes=-0"]) {
    assert.throws(() => rangeOf(beyond), { code: "range_not_satisfiable" });
  }
});

test("a range header of blanks is parsed in linear time", () => {
  const startedAt = performance.now();
  assert.equal(rangeOf(`bytes=${" ".repeat(200_000)}x`), undefined);
  // Quadratic time would be more than a minute.
  assert.ok(performance.now() - startedAt < 2_000);
});
