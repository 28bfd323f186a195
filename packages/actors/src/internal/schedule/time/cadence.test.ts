import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { cronCadence, latestUntil, nextAfter } from "./cadence.ts";

function times(expression: string, timezone: string, from: string, count: number): string[] {
  const cadence = cronCadence(expression, timezone);
  const found: string[] = [];
  let time: number | undefined = Date.parse(from);
  while (found.length < count) {
    time = nextAfter(cadence, time);
    if (time === undefined) break;
    found.push(new Date(time).toISOString());
  }
  return found;
}

describe("cron expressions", () => {
  test("five fields mean minutes in the time zone; six fields start with seconds", () => {
    assert.deepEqual(times("30 8 * * 1-5", "Europe/Berlin", "2027-01-15T08:00:00Z", 2), [
      "2027-01-18T07:30:00.000Z",
      "2027-01-19T07:30:00.000Z",
    ]);
    assert.deepEqual(times("*/20 * * * * *", "UTC", "2027-01-15T08:00:00.500Z", 3), [
      "2027-01-15T08:00:20.000Z",
      "2027-01-15T08:00:40.000Z",
      "2027-01-15T08:01:00.000Z",
    ]);
  });

  test("a step beyond the range of its field selects the first value only", () => {
    assert.deepEqual(times("*/90 * * * *", "UTC", "2027-01-15T08:10:00Z", 2), [
      "2027-01-15T09:00:00.000Z",
      "2027-01-15T10:00:00.000Z",
    ]);
    assert.deepEqual(times("10-50/61,55 */25 * * *", "UTC", "2027-01-15T08:00:00Z", 2), [
      "2027-01-16T00:10:00.000Z",
      "2027-01-16T00:55:00.000Z",
    ]);
    assert.deepEqual(times("0 0 */40 */13 *", "UTC", "2027-01-15T08:00:00Z", 1), [
      "2028-01-01T00:00:00.000Z",
    ]);
    assert.deepEqual(times("*/61 30 * * * *", "UTC", "2027-01-15T08:00:00Z", 1), [
      "2027-01-15T08:30:00.000Z",
    ]);
    assert.deepEqual(times("0 0 ? * */8", "UTC", "2027-01-15T08:00:00Z", 1), ["2027-01-17T00:00:00.000Z"]);
  });

  test("a step after a single value runs to the end of the field", () => {
    const from = "2027-01-15T08:10:00Z";
    assert.deepEqual(times("0/25 9/12 * * *", "UTC", from, 4), [
      "2027-01-15T09:00:00.000Z",
      "2027-01-15T09:25:00.000Z",
      "2027-01-15T09:50:00.000Z",
      "2027-01-15T21:00:00.000Z",
    ]);
    assert.deepEqual(times("30/20 5,10/60 8 * * *", "UTC", from, 3), [
      "2027-01-15T08:10:30.000Z",
      "2027-01-15T08:10:50.000Z",
      "2027-01-16T08:05:30.000Z",
    ]);
    assert.deepEqual(times("0 0 29/2 FEB/2 *", "UTC", from, 2), [
      "2027-04-29T00:00:00.000Z",
      "2027-06-29T00:00:00.000Z",
    ]);
    assert.deepEqual(times("0 0 * * mon/3", "UTC", from, 2), [
      "2027-01-18T00:00:00.000Z",
      "2027-01-21T00:00:00.000Z",
    ]);
    assert.deepEqual(times("0 0 * * 7/2", "UTC", from, 2), [
      "2027-01-17T00:00:00.000Z",
      "2027-01-24T00:00:00.000Z",
    ]);
  });

  test("the next time is strictly later", () => {
    assert.deepEqual(times("0 9 * * *", "UTC", "2027-01-15T09:00:00Z", 1), ["2027-01-16T09:00:00.000Z"]);
    assert.deepEqual(times("0 9 * * *", "UTC", "2027-01-15T08:59:59.999Z", 1), ["2027-01-15T09:00:00.000Z"]);
  });

  test("a time skipped in spring runs once, immediately after the gap", () => {
    assert.deepEqual(times("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2), [
      "2026-03-29T01:00:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ]);
    assert.deepEqual(times("30 2 * * *", "America/New_York", "2027-03-13T12:00:00Z", 2), [
      "2027-03-14T07:00:00.000Z",
      "2027-03-15T06:30:00.000Z",
    ]);
  });

  test("a time repeated in autumn runs once, the first time", () => {
    assert.deepEqual(times("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 2), [
      "2026-10-25T00:30:00.000Z",
      "2026-10-26T01:30:00.000Z",
    ]);
    assert.deepEqual(times("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2), [
      "2026-11-01T05:30:00.000Z",
      "2026-11-02T06:30:00.000Z",
    ]);
  });

  const spring = "2026-03-08T07:00:00.000Z";

  test("of several times in the gap one runs, and repeated times run once each", () => {
    for (const minutes of ["15,45", "*/20", "0-59"]) {
      assert.deepEqual(times(`${minutes} 2 * * *`, "America/New_York", "2026-03-08T06:30:00Z", 2)[0], spring);
    }
    assert.deepEqual(times("15,45 1-3 * * *", "America/New_York", "2026-03-08T06:30:00Z", 3), [
      "2026-03-08T06:45:00.000Z",
      spring,
      "2026-03-08T07:15:00.000Z",
    ]);
    // The day of the change has no midnight either.
    assert.deepEqual(times("0,30 0 * * *", "America/Sao_Paulo", "2017-10-14T14:00:00Z", 2), [
      "2017-10-15T03:00:00.000Z",
      "2017-10-16T02:00:00.000Z",
    ]);
    // Samoa skipped a full day.
    assert.deepEqual(times("0 12 30 12 *", "Pacific/Apia", "2011-12-01T00:00:00Z", 1), [
      "2011-12-30T10:00:00.000Z",
    ]);
    const autumn = ["2026-11-01T05:15:00.000Z", "2026-11-01T05:45:00.000Z", "2026-11-02T06:15:00.000Z"];
    assert.deepEqual(times("15,45 1 * * *", "America/New_York", "2026-11-01T05:00:00Z", 3), autumn);
    for (const from of ["2026-11-01T06:00:00Z", "2026-11-01T06:30:00Z", "2026-11-01T06:59:59.999Z"]) {
      assert.deepEqual(times("15,45 1 * * *", "America/New_York", from, 1), autumn.slice(2), from);
    }
  });

  test("iterating backwards finds the same times as iterating forwards", () => {
    for (const expression of ["15,45 1-3 * * *", "30 2 * * *", "*/30 * * * *", "0 */2 * * *", "10 1 * * 0"]) {
      for (const [from, until] of [
        [Date.parse("2026-03-07T12:00:00Z"), Date.parse("2026-03-09T12:00:00Z")],
        [Date.parse("2026-10-31T12:00:00Z"), Date.parse("2026-11-02T12:00:00Z")],
      ] as const) {
        const cadence = cronCadence(expression, "America/New_York");
        const forward: number[] = [];
        let time = nextAfter(cadence, from);
        while (time !== undefined && time <= until) {
          forward.push(time);
          time = nextAfter(cadence, time);
        }
        assert.deepEqual(latestUntil(cadence, from + 1, until, 1_000), forward, expression);
      }
    }
  });

  test("steps continue in real time across both clock changes", () => {
    for (const from of ["2026-10-24T23:10:00Z", "2026-03-28T23:10:00Z"]) {
      const found = times("*/30 * * * *", "Europe/Berlin", from, 8).map((time) => Date.parse(time));
      for (const [i, time] of found.entries()) assert.equal(time - (found[0] ?? 0), i * 1_800_000);
    }
  });

  test("leap days, last days of months, and dates that do not exist", () => {
    assert.deepEqual(times("0 0 29 2 *", "UTC", "2027-01-01T00:00:00Z", 2), [
      "2028-02-29T00:00:00.000Z",
      "2032-02-29T00:00:00.000Z",
    ]);
    assert.deepEqual(times("0 0 L * *", "UTC", "2027-01-31T12:00:00Z", 1), ["2027-02-28T00:00:00.000Z"]);
    assert.deepEqual(times("0 0 30 2 *", "UTC", "2027-01-01T00:00:00Z", 1), []);
  });

  test("empty list items are ignored, and the default time zone is UTC", () => {
    const from = "2027-01-15T08:00:00Z";
    for (const expression of ["0 12 * * 1,", ",0 12 * * 1", "0,, 12 ,*, * ,,1"]) {
      assert.deepEqual(times(expression, "UTC", from, 2), times("0 12 * * 1", "UTC", from, 2), expression);
    }
    assert.deepEqual(cronCadence("0 0 * * *", null), cronCadence("0 0 * * *", "UTC"));
    assert.deepEqual(cronCadence("0 0 * * *"), cronCadence("0 0 * * *", "UTC"));
  });

  test("invalid expressions and time zones are rejected", () => {
    for (const expression of [
      "",
      "* * * *",
      "* * * * * * *",
      "60 * * * *",
      "a b c d e",
      "@daily",
      "*/0 * * * *",
      "0/0 * * * *",
      "/5 * * * *",
      "70/5 * * * *",
      "0 0 32/1 * *",
      "0 0 * * 8/2",
      "0 0 L/2 * *",
      "0 0 * * ,",
      5,
      null,
    ]) {
      assert.throws(
        () => cronCadence(expression),
        (error) => isErrorCode(error, "schedule", "invalid_cron_expression"),
        String(expression),
      );
    }
    for (const timezone of ["", "Mars/Olympus", "+02:00", 5]) {
      assert.throws(
        () => cronCadence("* * * * *", timezone),
        (error) => isErrorCode(error, "schedule", "invalid_timezone"),
        String(timezone),
      );
    }
  });
});

describe("intervals", () => {
  const cadence = { kind: "every", interval: 5_000, anchor: 12_000 } as const;

  test("are counted from the anchor", () => {
    assert.deepEqual(
      [0, 11_999, 12_000, 16_999, 17_000, 1_000_000].map((from) => nextAfter(cadence, from)),
      [12_000, 12_000, 17_000, 17_000, 22_000, 1_002_000],
    );
  });
});

test("returns the latest due times up to an instant, oldest first, within the limit", () => {
  const every = { kind: "every", interval: 10, anchor: 100 } as const;
  assert.deepEqual(latestUntil(every, 100, 135, 2), [120, 130]);
  assert.deepEqual(latestUntil(every, 120, 130, 10), [120, 130]);
  assert.deepEqual(latestUntil(every, 0, 99, 10), []);
  const daily = cronCadence("0 9 * * *", "UTC");
  const at = (text: string) => Date.parse(text);
  assert.deepEqual(
    latestUntil(daily, at("2027-01-10T09:00:00Z"), at("2027-01-12T09:00:00Z"), 10).map((time) =>
      new Date(time).toISOString(),
    ),
    ["2027-01-10T09:00:00.000Z", "2027-01-11T09:00:00.000Z", "2027-01-12T09:00:00.000Z"],
  );
});
