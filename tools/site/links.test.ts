import assert from "node:assert/strict";
import { test } from "node:test";
import { rewriteLinks } from "./links.ts";

const rules = {
  exists: (file: string) => file === "deploy" || file === "examples/chat",
  placeOf: (file: string) => (file === "docs/README.md" ? "overview.md" : /^docs\/(.+\.md)$/.exec(file)?.[1]),
};
const rewrite = (text: string, more = {}) =>
  rewriteLinks(text, "docs/how-to/a.md", "how-to/a.md", { ...rules, ...more });

test("links between pages stay, also where a page has another place on the site", () => {
  assert.equal(rewrite("[b](b.md#part) [all](../README.md)"), "[b](./b.md#part) [all](../overview.md)");
  assert.equal(rewrite("[`c`](../reference/c.md)"), "[`c`](../reference/c.md)");
});

test("other links and code stay as they are", () => {
  const text = "[x](https://x.example/y) [here](#part) `[a](../../b)`\n\n```md\n[a](../../b)\n```\n";
  assert.equal(rewrite(text), text);
});

test("a link to a source file is its path, or leads to the repository if that has an address", () => {
  assert.equal(rewrite("in [an\nexample](../../examples/chat)"), "in an\nexample (`examples/chat`)");
  assert.equal(rewrite("[`deploy`](../../deploy/)"), "`deploy`");
  assert.equal(
    rewrite("[d](../../deploy)", { repository: "https://git.example/h" }),
    "[d](https://git.example/h/blob/main/deploy)",
  );
});

test("a link that leads nowhere is an error, which names the page", () => {
  assert.throws(
    () => rewrite("[x](../../nowhere)"),
    /docs\/how-to\/a\.md: the link to .*nowhere leads nowhere/,
  );
});
