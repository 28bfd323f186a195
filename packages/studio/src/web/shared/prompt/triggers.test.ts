import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { changedRanges, fileMention, lineRange, triggerAt } from "./triggers.ts";

const at = (text: string) => triggerAt(text, text.length);

describe("what is typed at the caret", () => {
  test("a slash is a command at the beginning of a prompt alone", () => {
    assert.deepEqual(at("/rev"), { kind: "command", query: "rev", from: 0, to: 4 });
    assert.equal(at("see a/b"), undefined);
    assert.equal(at("/review the"), undefined);
  });

  test("an at sign begins a mention at the beginning of a word", () => {
    assert.deepEqual(at("see @src/in"), { kind: "mention", query: "src/in", from: 4, to: 11 });
    assert.deepEqual(at('see @"my fi'), { kind: "mention", query: "my fi", from: 4, to: 11 });
    assert.equal(at("ada@example.org"), undefined);
    assert.equal(at("@done "), undefined);
  });

  test("a number sign asks for lines, of any changed file or of the one before it", () => {
    assert.deepEqual(at("#"), { kind: "lines", path: undefined, query: "", from: 0, to: 1 });
    assert.deepEqual(at("in @a.ts#10"), { kind: "lines", path: "a.ts", query: "10", from: 3, to: 11 });
    assert.deepEqual(at('@"a b.ts"#'), { kind: "lines", path: "a b.ts", query: "", from: 0, to: 10 });
  });

  test("only what is before the caret counts", () => {
    assert.deepEqual(triggerAt("@ab cd", 2), { kind: "mention", query: "a", from: 0, to: 2 });
  });
});

describe("how files and lines are written", () => {
  test("a path with spaces is quoted", () => {
    assert.equal(fileMention("a.ts"), "@a.ts");
    assert.equal(fileMention("a b.ts"), '@"a b.ts"');
  });

  test("ranges are normalised", () => {
    const cases = {
      "10": "L10",
      "10-20": "L10-L20",
      "L3-L4": "L3-L4",
      "9-2": "L9",
      "0": undefined,
      x: undefined,
    };
    for (const [typed, expected] of Object.entries(cases)) assert.equal(lineRange(typed), expected, typed);
  });

  test("the hunks of a patch are ranges of the new file", () => {
    const patch = "@@ -1,2 +1,3 @@\n a\n@@ -9 +10 @@\n-b\n+c\n@@ -20,2 +20,0 @@\n";
    assert.deepEqual(changedRanges(patch), ["L1-L3", "L10"]);
  });
});
