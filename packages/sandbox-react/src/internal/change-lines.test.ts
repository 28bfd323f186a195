import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { componentLimits } from "../limits.ts";
import { changeLines } from "./change-lines.ts";

const read = (oldText: string | null, newText: string) => changeLines({ path: "a", oldText, newText });
const text = (change: ReturnType<typeof read>) => change.lines.map((line) => `${line.kind} ${line.text}`);

describe("changed lines", () => {
  test("added, changed and removed lines come with their context", () => {
    assert.deepEqual(text(read(null, "one\ntwo\n")), ["add one", "add two"]);
    assert.deepEqual(text(read("a\nb\nc\nd\ne\n", "a\nb\nC\nd\ne\n")), [
      "hunk Line 1",
      "context a",
      "context b",
      "remove c",
      "add C",
      "context d",
      "context e",
    ]);
    assert.deepEqual(text(read("one\n", "")), ["hunk Line 1", "remove one"]);
    assert.deepEqual(text(read("same\n", "same\n")), []);
  });

  test("beyond the character limit lines are not compared: all old ones are removed, all new ones added", () => {
    const { comparedCharacters } = componentLimits;
    const half = comparedCharacters / 2;
    const line = (letter: string, length: number) => `same\n${letter.repeat(length - 5)}`;
    for (const [more, kinds] of [
      [-1, ["hunk", "context", "remove", "add"]],
      [0, ["hunk", "context", "remove", "add"]],
      [1, ["remove", "remove", "add", "add"]],
    ] as const) {
      const change = read(line("x", half), line("y", half + more));
      assert.deepEqual(
        change.lines.map(({ kind }) => kind),
        kinds,
      );
    }
  });

  test("more lines than the limit are cut", () => {
    const { changeLines: most } = componentLimits;
    for (const more of [-1, 0, 1]) {
      const change = read(null, "x\n".repeat(most + more));
      assert.equal(change.lines.length, Math.min(most, most + more));
      assert.equal(change.cut, more > 0);
    }
  });
});
