import assert from "node:assert/strict";
import { test } from "node:test";
import { isTimeZone, quietUntil, readTime } from "./quiet-hours.ts";

const berlin = { from: "22:00", to: "07:00", timeZone: "Europe/Berlin", breaksThrough: [] };
const until = (at: string, hours = berlin) => {
  const end = quietUntil(hours, Date.parse(at));
  return end === undefined ? undefined : new Date(end).toISOString();
};

test("quiet hours pass midnight, in the zone of the person", () => {
  assert.equal(until("2026-01-15T20:59:59Z"), undefined);
  assert.equal(until("2026-01-15T21:00:00Z"), "2026-01-16T06:00:00.000Z");
  assert.equal(until("2026-01-16T05:59:59.999Z"), "2026-01-16T06:00:00.000Z");
  assert.equal(until("2026-01-16T06:00:00Z"), undefined);
});

test("quiet hours within a day, and a zone that is half an hour off", () => {
  const hours = { from: "12:00", to: "13:30", timeZone: "Asia/Kolkata", breaksThrough: [] };
  assert.equal(until("2026-06-01T06:29:00Z", hours), undefined);
  assert.equal(until("2026-06-01T06:30:00Z", hours), "2026-06-01T08:00:00.000Z");
});

test("the night in which clocks change ends at the local time all the same", () => {
  // Clocks go forward at 01:00 UTC on 29 March 2026, and back on 25 October.
  assert.equal(until("2026-03-28T22:00:00Z"), "2026-03-29T05:00:00.000Z");
  assert.equal(until("2026-10-24T21:00:00Z"), "2026-10-25T06:00:00.000Z");
});

test("an end that clocks skip is reached at the change", () => {
  const hours = { ...berlin, to: "02:30" };
  const end = quietUntil(hours, Date.parse("2026-03-29T00:30:00Z"));
  assert.ok(end !== undefined && end > Date.parse("2026-03-29T00:30:00Z"));
  assert.ok(end <= Date.parse("2026-03-29T01:30:00Z"));
});

test("times and zones that do not exist are refused", () => {
  assert.deepEqual(["00:00", "23:59", "24:00", "9:00", "", 5].map(readTime), [
    0,
    1439,
    ...Array(4).fill(undefined),
  ]);
  assert.deepEqual(["UTC", "America/New_York", "Mars/Base", 1].map(isTimeZone), [true, true, false, false]);
});
