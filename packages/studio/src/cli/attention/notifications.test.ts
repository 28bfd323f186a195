import assert from "node:assert/strict";
import { test } from "node:test";
import type { NotificationsView } from "@holdfast/studio";
import { linesOf } from "./notifications.ts";

test("settings are lines, in which nothing reaches the terminal unescaped", () => {
  const view: NotificationsView = {
    choices: {
      kinds: { push: [], mail: [], webhook: [], slack: [] },
      quietHours: { from: "22:00", to: "07:00", timeZone: "Europe/Berlin", breaksThrough: [] },
      mailAfterMinutes: 5,
    },
    ...{ own: [], pausedUntil: 60_000, pushKey: "", webhook: null, slack: "hooks.slack.com" },
    devices: [{ id: "d", name: "Phone\u001b[2K", addedAt: 0 }],
    mail: { isAvailable: false, address: null, isChosen: true },
    failures: [
      {
        id: "f",
        channel: "slack",
        title: "Fix it",
        kind: "failed",
        attempts: 7,
        error: "status 404",
        failedAt: 0,
      },
    ],
  };
  assert.deepEqual(linesOf(view, 0), [
    "Paused   until 1970-01-01T00:01:00.000Z",
    "Browsers Phone\\u001b[2K",
    "Mail     no mail server (HOLDFAST_SMTP_URL)",
    "Webhook  none",
    "Slack    hooks.slack.com",
    "Quiet    22:00 to 07:00, Europe/Berlin",
    "Given up slack: Fix it: status 404 (f)",
  ]);
  assert.equal(linesOf(view, 60_000)[0], "Browsers Phone\\u001b[2K");
});
