import assert from "node:assert/strict";
import { test } from "node:test";
import { codeBlocksOf, expectedOutput } from "./code-blocks.ts";

const page = [
  "# Page",
  "```sh",
  "# no heading",
  "```",
  "## Part",
  "```ts recipe",
  "console.log(1); // => 1",
  "```",
  "::: code-group",
  "```tsx [App]",
  "<p />;",
  "```",
  ":::",
].join("\n");

test("blocks of TypeScript are found with their heading, line and use, also in a code group", () => {
  assert.deepEqual(
    codeBlocksOf("page.md", page).map(({ heading, line, use, jsx, code }) => [heading, line, use, jsx, code]),
    [
      ["Part", 7, "recipe", false, "console.log(1); // => 1"],
      ["Part", 11, "compile", true, "<p />;"],
    ],
  );
});

test("a use that nobody knows is an error, which names the line", () => {
  assert.throws(() => codeBlocksOf("page.md", "\n```ts rnu\n```"), /page\.md:2: .* not "rnu"/);
});

test("what a recipe prints is in its comments, in their order", () => {
  assert.deepEqual(expectedOutput('f(); // => a b\ng("// no");\n  // => \n// => c'), ["a b", "", "c"]);
});
