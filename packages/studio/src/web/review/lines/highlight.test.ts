import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePatch } from "../../shared/diff/patch.ts";
import { languageOf } from "../../shared/highlight.ts";
import { highlightHunks } from "./highlight.ts";

test("tokens keep every character of a line, and a comment of several lines is one", () => {
  const hunks = parsePatch('@@ -1,2 +1,4 @@\n const a = `x`;\n-old();\n+/* one\n+two */\n+call("<b>");\n');
  const highlighted = highlightHunks("src/a.ts", hunks);
  const lines = hunks.flatMap((hunk) => hunk.lines);
  for (const line of lines) {
    assert.equal(
      highlighted
        .get(line)
        ?.map(({ text }) => text)
        .join(""),
      line.text,
    );
  }
  const two = lines.find(({ text }) => text === "two */");
  assert.ok(two !== undefined);
  assert.deepEqual(highlighted.get(two), [{ text: "two */", className: "hljs-comment" }]);
});

test("a file of an unknown kind, or a hunk that is too long, stays plain", () => {
  assert.equal(languageOf("a/constructor"), undefined);
  assert.equal(languageOf("Makefile"), "makefile");
  assert.equal(highlightHunks("a.unknown", parsePatch("@@ -0,0 +1 @@\n+x\n")).size, 0);
  const long = parsePatch(`@@ -0,0 +1 @@\n+${"x".repeat(60_001)}\n`);
  assert.equal(highlightHunks("a.ts", long).size, 0);
});

test("marks of words lie across tokens", () => {
  const hunks = parsePatch('@@ -1 +1 @@\n-const a = "one";\n+const b = "one";\n');
  const highlighted = highlightHunks("a.ts", hunks);
  const [removed, added] = hunks[0]?.lines ?? [];
  assert.ok(removed !== undefined && added !== undefined);
  const marked = (line: typeof removed) =>
    highlighted.get(line)?.filter(({ className }) => className?.includes("diff-word") === true);
  assert.deepEqual(
    marked(removed)?.map(({ text }) => text),
    ["a"],
  );
  assert.deepEqual(
    marked(added)?.map(({ text }) => text),
    ["b"],
  );
  const plain = parsePatch("@@ -1 +1 @@\n-one two\n+one 2\n");
  assert.deepEqual(Array.from(highlightHunks("a.unknown", plain).values()), [
    [{ text: "one " }, { text: "two", className: "diff-word" }],
    [{ text: "one " }, { text: "2", className: "diff-word" }],
  ]);
});
