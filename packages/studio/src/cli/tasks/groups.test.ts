import assert from "node:assert/strict";
import { test } from "node:test";
import type { GroupEventView } from "@holdfast/studio";
import { eventText } from "./groups.ts";

const waiting: GroupEventView = {
  id: "e1",
  seq: 3,
  topic: "work",
  source: "prompt",
  title: "look",
  state: "waiting",
  tainted: false,
  receivedAt: 0,
};

test("an event that failed to start shows the reason and the time of the retry", () => {
  const error = { group: "agent", code: "not_installed", message: "Codex is not installed" };
  assert.equal(eventText(waiting), "3  waiting    work prompt  -  look");
  assert.equal(
    eventText({ ...waiting, error, retryAt: 1_000 }),
    "3  waiting    work prompt  -  look\n   Codex is not installed (agent.not_installed); next attempt at 1970-01-01T00:00:01.000Z",
  );
  assert.equal(
    eventText({ ...waiting, state: "failed", taskId: "t", error: { ...error, message: "\u001b[2Jgone" } }),
    "3  failed     work prompt  t  look\n   \\u001b[2Jgone (agent.not_installed)",
  );
});
