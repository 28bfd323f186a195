import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser } from "playwright-core";
import { assertAccessibleInThemes } from "./support/axe.ts";
import { missing } from "./support/browser.ts";
import { assertFits, assertNoTrouble, keepScreenshot } from "./support/pages.ts";
import { changedFile, section, serveReview } from "./support/review.ts";
import type { ScriptedDiff } from "./support/scripted-task.ts";

const first = changedFile(
  "src/a.ts",
  "@@ -1,3 +1,4 @@\n const a = 1;\n-const b = 2;\n+const b = 3;\n+const c = 4;\n end();\n",
  "a1",
);
const second = changedFile("src/b.ts", '@@ -1 +1 @@\n-old("<b>");\n+fresh("<b>\u202e");\n', "b1");
const lockFile = changedFile("package-lock.json", "@@ -1 +1 @@\n-1\n+2\n", "l1");

describe("the review of a task's changes", { skip: missing() ?? false }, () => {
  let browser: Browser;

  before(async () => {
    browser = await launchChromium();
  });
  after(() => browser?.close());

  const serve = (t: TestContext, diff: ScriptedDiff) => serveReview(browser, t, diff);

  test("marks and drafts are in every browser, are sent as one prompt, and outdated comments stay", async (t) => {
    const diff: ScriptedDiff = { files: [first, second, lockFile] };
    const { open, task } = await serve(t, diff);
    const page = await open();
    const other = await open();

    // Highlighted, with hidden characters visible; a generated file starts collapsed.
    await section(page, "src/a.ts").locator(".hljs-keyword", { hasText: "const" }).first().waitFor();
    await section(page, "src/b.ts").getByText("⟨U+202E⟩").waitFor();
    assert.equal(await section(page, "package-lock.json").getAttribute("data-open"), "false");

    // Two lines, by dragging over their numbers.
    const line = (number: number) =>
      section(page, "src/a.ts").locator(`.line-button[data-side="new"][data-line="${number}"]`);
    await line(2).hover();
    await page.mouse.down();
    await line(3).hover();
    await page.mouse.up();
    await page.getByRole("textbox", { name: "New comment on lines 2 to 3" }).fill("Explain both");
    await page.getByRole("button", { name: "Save comment" }).click();
    await section(other, "src/a.ts").getByText("Explain both").waitFor();

    // A removed line, by keyboard alone.
    await section(page, "src/b.ts").locator('.line-button[data-side="old"]').focus();
    await page.keyboard.press("c");
    await page.keyboard.type("Why is this gone?");
    await page.keyboard.press("Control+Enter");
    await section(page, "src/b.ts").locator(".comment").getByText("Why is this gone?").waitFor();
    await page.waitForFunction("document.activeElement.matches('.line-button[data-side=old]')");
    await page.keyboard.press("v");
    await section(other, "src/b.ts").locator("input:checked").waitFor();
    await page.getByText("1 of 3 viewed").waitFor();

    await page.reload();
    await page.getByText("1 of 3 viewed").waitFor();
    assert.equal(await section(page, "src/b.ts").getAttribute("data-open"), "false");
    await page.getByRole("button", { name: "Send 2 comments to the agent" }).click();
    await section(other, "src/a.ts").locator('[data-comment="open"]').waitFor();
    const prompts = (await task.prompts()) as readonly string[];
    assert.equal(prompts.length, 1);
    assert.match(
      prompts[0] ?? "",
      /src\/a\.ts`, lines 2 to 3\n\n```\nconst b = 3;\nconst c = 4;\n```\n\nExplain both/,
    );
    assert.match(
      prompts[0] ?? "",
      /src\/b\.ts`, line 1 before your changes\n\n```\nold\("<b>"\);\n```\n\nWhy/,
    );

    // The agent changed both files: the mark is gone, and the comment on lines that are gone is said to be outdated.
    diff.files = [
      changedFile("src/a.ts", "@@ -1,2 +1,2 @@\n const a = 1;\n-const b = 2;\n+const b = 5;\n", "a2"),
      changedFile("src/b.ts", '@@ -1 +1 @@\n-old("<b>");\n+other();\n', "b2"),
    ];
    await page.getByRole("button", { name: "Reload changes" }).click();
    await page.getByText("0 of 2 viewed").waitFor();
    const outdated = section(page, "src/a.ts").locator(".diff-comments .comment");
    await outdated.getByText("changed since", { exact: true }).waitFor();
    await outdated.getByText("const c = 4;").waitFor();
    await section(page, "src/b.ts").locator(".diff-comments").getByText("Why is this gone?").waitFor();
    await task.answerReview();
    await page.getByText("Comments: 2 answered").waitFor();

    // Resolved and opened again by keyboard alone, in every browser.
    await page.locator(".review").focus();
    await page.keyboard.press("]");
    await page.locator('.comment[data-comment="answered"]:focus').waitFor();
    await page.keyboard.press("r");
    await other.getByText("Comments: 1 answered, 1 resolved").waitFor();
    await page.locator('.comment[data-comment="resolved"]:focus').waitFor();
    await page.keyboard.press("r");
    await other.getByText("Comments: 2 answered").waitFor();
    await page.keyboard.press("]");
    await page.locator(".comment:focus", { hasText: "Why is this gone?" }).waitFor();
    assertNoTrouble(page);
    assertNoTrouble(other);
  });

  for (const width of [400, 1600])
    test(`is accessible and fits: ${width} pixels`, async (t) => {
      const { open } = await serve(t, { files: [first, second] });
      const page = await open({ width, height: 1000 });
      await section(page, "src/a.ts").locator(".hljs-keyword").first().waitFor();
      await section(page, "src/a.ts").locator('.line-button[data-line="3"]').click();
      await page.getByRole("textbox", { name: "New comment on line 3" }).fill("Please\nrename");
      await page.keyboard.press("Control+Enter");
      await section(page, "src/a.ts").locator(".comment").waitFor();
      await assertAccessibleInThemes(page, "review, unified");
      await keepScreenshot(page, `review-unified-${width}`);
      await page.getByRole("button", { name: "Split" }).click();
      await section(page, "src/a.ts").locator(".review-lines-split").waitFor();
      await assertAccessibleInThemes(page, "review, split");
      await keepScreenshot(page, `review-split-${width}`);
      await assertFits(page, "review, split");
      assertNoTrouble(page);
    });

  test("5,000 files scroll, and keys lead from file to file", async (t) => {
    const files = Array.from({ length: 5_000 }, (_, index) =>
      changedFile(`src/f${index}.ts`, `@@ -0,0 +1 @@\n+f${index}();\n`, `c${index}`),
    );
    const { open } = await serve(t, { files });
    const page = await open();
    const count = () => page.evaluate<number>("document.querySelectorAll('*').length");
    await page.getByText("0 of 5000 viewed").waitFor();
    assert.ok((await count()) < 8_000, `${await count()} elements`);
    await page.locator(".review").focus();
    await page.keyboard.press("j");
    const focused = () => page.evaluate("document.activeElement.closest('.file-diff')?.id");
    await page.waitForFunction("document.activeElement.closest('.file-diff')?.id === 'change-0'");
    await page.keyboard.press("n");
    await page.waitForFunction("document.activeElement.closest('.file-diff')?.id === 'change-1'");
    await page.keyboard.press("k");
    await page.waitForFunction("document.activeElement.closest('.file-diff')?.id === 'change-0'");
    await page.keyboard.press("c");
    await page.getByRole("textbox", { name: "New comment on line 1" }).waitFor();
    await page.keyboard.type("jkvc");
    assert.equal(await focused(), "change-0");
    await page.evaluate("document.querySelector('.changes').scrollTo(0, 1e9)");
    await page.getByText("f4999();").waitFor();
    assert.ok((await count()) < 8_000, `${await count()} elements at the end`);
    assertNoTrouble(page);
  });

  test("unchanged lines and words of changed ones are shown, unified and split", async (t) => {
    const text = Array.from({ length: 100 }, (_, index) => `line ${index + 1}`).join("\n");
    const patch =
      "@@ -27,7 +27,7 @@ f()\n line 27\n line 28\n line 29\n-line 30 old\n+line 30 new\n line 31\n line 32\n line 33\n";
    const { open } = await serve(t, {
      files: [changedFile("src/a.txt", patch, "a1"), changedFile("src/b.ts", second.patch, "b1")],
      texts: { "src/a.txt": text },
    });
    const page = await open();
    const lines = section(page, "src/a.txt");
    await lines.locator(".diff-removed .diff-word", { hasText: "old" }).waitFor();
    await lines.locator(".diff-added .diff-word", { hasText: "new" }).waitFor();
    assert.equal(await lines.locator('.line-button[data-line="26"]').count(), 0);
    await lines.getByRole("button", { name: "Show 26 lines" }).click();
    await lines.locator('.line-button[data-line="1"]').waitFor();
    await lines.getByRole("button", { name: "↓ 20 lines" }).click();
    await lines.locator('.line-button[data-line="53"]').waitFor();
    await lines.getByRole("button", { name: "↓ 20 lines" }).click();
    await lines.locator('.line-button[data-line="73"]').waitFor();
    await lines.getByRole("button", { name: "Show 27 lines" }).click();
    await lines.locator('.line-button[data-line="100"]').waitFor();
    assert.equal(await lines.locator(".gap-button", { hasText: "lines" }).count(), 0);
    // A comment on a line that was hidden.
    await lines.locator('.line-button[data-line="2"]').click();
    await page.getByRole("textbox", { name: "New comment on line 2" }).fill("Look here");
    await page.keyboard.press("Control+Enter");
    await lines.locator(".comment").getByText("Look here").waitFor();
    await page.getByRole("button", { name: "Split" }).click();
    await lines.locator(".review-lines-split .diff-word").first().waitFor();
    assertNoTrouble(page);
  });
});
