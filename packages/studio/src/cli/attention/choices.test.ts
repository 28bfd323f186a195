import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "@holdfast/cli";
import type { NotificationChoices } from "@holdfast/studio";
import { checkChoices, choicesOf } from "./choices.ts";

const current: Pick<NotificationChoices, "kinds" | "quietHours"> = {
  kinds: { push: ["asks"], mail: ["failed"], webhook: [], slack: [] },
  quietHours: { from: "22:00", to: "07:00", timeZone: "Europe/Berlin", breaksThrough: ["asks"] },
};

test("what is not given stays as it is", () => {
  assert.deepEqual(choicesOf({}, current), {});
  assert.deepEqual(choicesOf({ mail: "none", slack: "asks, ci-failed" }, current), {
    kinds: { push: ["asks"], mail: [], webhook: [], slack: ["asks", "ci-failed"] },
  });
  assert.deepEqual(choicesOf({ "breaks-through": "failed" }, current), {
    quietHours: { from: "22:00", to: "07:00", timeZone: "Europe/Berlin", breaksThrough: ["failed"] },
  });
  assert.deepEqual(choicesOf({ quiet: "20:00-08:30", "time-zone": "UTC" }, current), {
    quietHours: { from: "20:00", to: "08:30", timeZone: "UTC", breaksThrough: ["asks"] },
  });
  assert.deepEqual(choicesOf({ quiet: "off", "mail-after": "0" }, current), {
    ...{ quietHours: null, mailAfterMinutes: 0 },
  });
});

test("what cannot be read is a wrong command line", () => {
  for (const wrong of [
    {},
    { mail: "news" },
    { quiet: "late" },
    { "mail-after": "1441" },
    { "time-zone": "UTC" },
  ])
    assert.throws(() => checkChoices(wrong), UsageError, JSON.stringify(wrong));
});
