import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inboxKinds } from "../../contract/inbox.ts";
import type { NotificationChoices } from "../../contract.ts";
import { choicesOf, chosenView, completeChoices, keptChoices, newState } from "./settings.ts";

/** What a version without requested reviews and payments kept. */
const early: Pick<NotificationChoices, "kinds"> = {
  kinds: {
    push: ["asks", "failed"],
    mail: ["asks", "finished"],
    webhook: ["asks", "handover", "mentioned", "failed", "finished", "ci-failed"],
    slack: [],
  },
};

describe("a kind that came after a choice", () => {
  test("goes where the defaults send it, but to no channel that was switched off", () => {
    const { kinds } = choicesOf({ ...newState(), own: early });
    assert.deepEqual(kinds.push, ["asks", "review-requested", "failed", "payment"]);
    assert.deepEqual(kinds.mail, ["asks", "review-requested", "finished", "payment"]);
    assert.deepEqual(kinds.webhook, inboxKinds);
    assert.deepEqual(kinds.slack, []);
  });

  test("goes where the organization sends it, before the defaults of Holdfast", () => {
    const withoutReviews = { push: ["asks"], mail: ["asks"], webhook: ["asks"], slack: ["asks"] } as const;
    const defaults = keptChoices({ kinds: withoutReviews });
    assert.deepEqual(choicesOf({ own: early, defaults }).kinds.push, ["asks", "failed"]);
    const { kinds } = choicesOf({ own: {}, defaults: early });
    assert.deepEqual(kinds.mail, ["asks", "review-requested", "finished", "payment"]);
  });

  test("is no choice of its own, and none is added to a choice that knew it", () => {
    const own = keptChoices({ kinds: early.kinds });
    assert.deepEqual(choicesOf({ ...newState(), own }).kinds, early.kinds);
    assert.deepEqual(completeChoices(own), { kinds: early.kinds });
    assert.deepEqual(chosenView({ ...newState(), own }).own, ["kinds"]);
  });
});
