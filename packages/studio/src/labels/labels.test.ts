import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { studioLimits } from "../limits.ts";
import { groupLabelOf } from "./group-label.ts";
import { labelChange } from "./label-change.ts";
import { changedLabels, labelsOfForge, readLabels } from "./labels.ts";

const { maxTaskLabels, maxTaskLabelCharacters } = studioLimits;
const many = (count: number) =>
  Array.from({ length: count }, (_, at) => `label ${String(at).padStart(2, "0")}`);

test("labels are trimmed, kept once whatever their case, and in the order of their names", () => {
  assert.deepEqual(readLabels([" urgent ", "bug", "Bug", "urgent", "api"]), ["api", "bug", "urgent"]);
  assert.deepEqual(readLabels([]), []);
  assert.equal(groupLabelOf({ labels: readLabels(["urgent", "bug"]) }), "bug");
  assert.equal(groupLabelOf({}), "");
});

test("what is no label, is too long, or is one too many, is refused", () => {
  const most = "x".repeat(maxTaskLabelCharacters);
  assert.deepEqual(readLabels([most]), [most]);
  assert.equal(readLabels(many(maxTaskLabels)).length, maxTaskLabels);
  for (const wrong of [
    ...[undefined, "bug", { 0: "bug" }, [1], [""], ["  "], ["a,b"], ["a\nb"], ["a\u0007"], ["\ud83d"]],
    ...[[`${most}x`], many(maxTaskLabels + 1)],
  ])
    assert.throws(
      () => readLabels(wrong),
      (error) => isErrorCode(error, "task", "invalid_input"),
      String(wrong),
    );
});

test("labels of a forge always become labels of a task", () => {
  const long = `${"x".repeat(maxTaskLabelCharacters - 1)}😀`;
  const taken = labelsOfForge(["good,  first\tissue", "", " , ", long, "Bug", "bug", ...many(maxTaskLabels)]);
  assert.equal(taken.length, maxTaskLabels);
  assert.deepEqual(taken.slice(0, 2), ["Bug", "good first issue"]);
  assert.deepEqual(labelsOfForge([long]), ["x".repeat(maxTaskLabelCharacters - 1)]);
  assert.deepEqual(readLabels(taken), taken);
});

test("what two people change of the same labels at once holds, and one person can change the case", () => {
  const seen = ["api", "bug"];
  const first = changedLabels(seen, labelChange(seen, ["api", "bug", "urgent"]));
  assert.deepEqual(changedLabels(first, labelChange(seen, ["api", "later"])), ["api", "later", "urgent"]);
  assert.deepEqual(changedLabels(seen, labelChange(seen, ["api", "Bug"])), ["Bug", "api"]);
  assert.deepEqual(changedLabels(seen, { add: ["BUG"], remove: ["gone", "API"] }), ["bug"]);
  const full = many(maxTaskLabels);
  assert.equal(changedLabels(full, { add: ["one more"], remove: ["label 00"] }).length, maxTaskLabels);
  for (const wrong of [undefined, "bug", { add: "bug" }, { remove: [1] }, { add: ["a,b"] }])
    assert.throws(
      () => changedLabels(seen, wrong),
      (error) => isErrorCode(error, "task", "invalid_input"),
      String(wrong),
    );
  assert.throws(
    () => changedLabels(full, { add: ["one more"] }),
    (error) => isErrorCode(error, "task", "invalid_input"),
  );
});
