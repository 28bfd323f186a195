import assert from "node:assert/strict";
import { test } from "node:test";
import { fileHunks } from "./file-hunks.ts";

const texts = (diff: Parameters<typeof fileHunks>[0], type: string) =>
  fileHunks(diff)
    ?.flatMap(({ lines }) => lines)
    .filter((line) => line.type === type)
    .map(({ text }) => text);

test("a change has the lines in which two texts differ", () => {
  const diff = { path: "a", oldText: "one\ntwo\nthree\n", newText: "one\n2\nthree\n" };
  assert.deepEqual(texts(diff, "removed"), ["two"]);
  assert.deepEqual(texts(diff, "added"), ["2"]);
  assert.deepEqual(texts(diff, "context"), ["one", "three"]);
});

test("the largest possible change of a question is shown, even if no line is the same", () => {
  const lines = (letters: string) =>
    Array.from({ length: 2_600 }, (_, at) => letters[at % letters.length] ?? "");
  const [before, after] = [lines("abcdefg"), lines("tuvwxyz")];
  const diff = { path: "a", oldText: `${before.join("\n")}\n`, newText: after.join("\n") };
  assert.deepEqual(texts(diff, "removed"), before);
  assert.deepEqual(texts(diff, "added"), after);
  assert.equal(texts(diff, "note")?.length, 1);
});

test("a change that is too large to compare, and for a question, is not rendered", () => {
  assert.equal(fileHunks({ path: "a", newText: "x\n".repeat(100_001) }), undefined);
});
