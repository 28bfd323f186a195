import assert from "node:assert/strict";
import { test } from "node:test";
import { applyReviewChange } from "./review-changes.ts";

test("a change of a review is applied once, in order, and a gap is noticed", () => {
  const comment = {
    ...{ id: "c", path: "a", side: "new" as const, startLine: 1, endLine: 1, quote: "x", contentId: "1" },
    ...{ text: "Fix it", createdAt: 1, updatedAt: 1 },
  };
  const empty = { viewed: [{ path: "a", contentId: "1" }], comments: [comment], reverts: [], revision: 1 };
  const marked = applyReviewChange(empty, { revision: 2, viewed: [{ path: "a", contentId: "2" }] });
  assert.deepEqual(marked?.viewed, [{ path: "a", contentId: "2" }]);
  assert.ok(marked !== undefined);
  const more = applyReviewChange(marked, {
    revision: 3,
    unviewed: ["a"],
    comments: [
      { ...comment, sentAt: 5 },
      { ...comment, id: "d" },
    ],
  });
  assert.deepEqual(
    [more?.viewed, more?.comments.map(({ id, sentAt }) => [id, sentAt])],
    [
      [],
      [
        ["c", 5],
        ["d", undefined],
      ],
    ],
  );
  assert.ok(more !== undefined);
  assert.deepEqual(
    applyReviewChange(more, { revision: 4, deleted: ["c"] })?.comments.map(({ id }) => id),
    ["d"],
  );
  assert.equal(applyReviewChange(more, { revision: 3, deleted: ["c"] }), more);
  assert.equal(applyReviewChange(more, { revision: 5, deleted: ["c"] }), undefined);
});
