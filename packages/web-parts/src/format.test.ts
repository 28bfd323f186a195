import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatAgo,
  formatBytes,
  formatCompact,
  formatDateTime,
  formatDuration,
  formatPreciseClock,
} from "./format.ts";

test('elapsed time uses the largest complete unit, and "just now" below a minute', () => {
  const now = Date.UTC(2026, 6, 1);
  const ago = (ms: number) => formatAgo(now - ms, now);
  assert.equal(ago(59_999), "just now");
  assert.equal(ago(60_000), "1 min. ago");
  assert.equal(ago(3_600_000 * 5), "5 hr. ago");
  assert.equal(ago(86_400_000), "yesterday");
  assert.equal(ago(86_400_000 * 400), "last yr.");
  assert.equal(ago(-120_000), "in 2 min.");
});

test("a duration shows its two largest units", () => {
  assert.equal(formatDuration(-1), "0 s");
  assert.equal(formatDuration(59_999), "59 s");
  assert.equal(formatDuration(188_000), "3 min 08 s");
  assert.equal(formatDuration(7_500_000), "2 h 05 min");
});

test("sizes change units at 1,024, and counts become compact at 10,000", () => {
  assert.equal(formatBytes(1_023), "1023 B");
  assert.equal(formatBytes(1_024), "1.0 KiB");
  assert.equal(formatBytes(10 * 1_024 * 1_024), "10 MiB");
  assert.equal(formatBytes(2 ** 60), "1048576 TiB");
  assert.equal(formatCompact(9_999), "9,999");
  assert.equal(formatCompact(12_345), "12.3K");
});

test("a precise clock pads its milliseconds", () => {
  assert.match(formatPreciseClock(Date.UTC(2026, 6, 1, 12, 0, 7) + 9), /^\d\d:\d\d:07\.009$/);
});

test("a time beyond the last valid date does not throw", () => {
  assert.match(formatDateTime(8.64e15), /275760/);
  assert.equal(formatDateTime(8.64e15 + 1), "invalid date");
  assert.equal(formatDateTime(Number.NaN), "invalid date");
});
