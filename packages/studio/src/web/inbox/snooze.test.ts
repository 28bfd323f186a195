import assert from "node:assert/strict";
import { test } from "node:test";
import { snoozeChoices } from "./snooze.ts";

const choicesAt = (day: number, hour: number) =>
  snoozeChoices(new Date(2026, 10, day, hour, 30)).map(({ label, until }) => {
    const time = new Date(until);
    return `${label}: ${time.getDate()} ${time.getHours()}:${String(time.getMinutes()).padStart(2, "0")}`;
  });

test("entries are snoozed for an hour, until the evening, tomorrow morning, or Monday morning", () => {
  // Wednesday.
  assert.deepEqual(choicesAt(25, 10), [
    "In an hour: 25 11:30",
    "This evening: 25 18:00",
    "Tomorrow: 26 9:00",
    "Next week: 30 9:00",
  ]);
  assert.deepEqual(choicesAt(25, 17), ["In an hour: 25 18:30", "Tomorrow: 26 9:00", "Next week: 30 9:00"]);
  // Sunday: tomorrow is Monday. Monday: next week begins in seven days.
  assert.deepEqual(choicesAt(29, 20), ["In an hour: 29 21:30", "Tomorrow: 30 9:00"]);
  assert.deepEqual(choicesAt(23, 20).at(-1), "Next week: 30 9:00");
});
