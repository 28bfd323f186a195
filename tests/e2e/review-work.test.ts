/** Checks, reverts, images and comparisons of a real task in the browser, and the checks from a shell. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { assertAccessible, assertAccessibleInThemes } from "./support/axe.ts";
import { missing, SharedPage } from "./support/browser.ts";
import {
  allowUntilIdle,
  approvalCard,
  assertFits,
  assertNoTrouble,
  keepScreenshot,
  signIn,
  startTask,
  waitForStatus,
} from "./support/pages.ts";
import { createRepository, git } from "./support/repository.ts";
import { section } from "./support/review.ts";
import { StudioProcess } from "./support/studio.ts";

const environment = `
checks:
  - name: test
    run: |
      echo "looking at src/sum.js"
      if grep -q broken x.txt; then
        echo "src/sum.js:42:3 - error: the sum is wrong"
        echo "x.txt:1:1 - error: it says broken"
        exit 1
      fi
  - {name: lint, run: "echo clean", afterTurn: true}
`;
const picture = (colour: string, more = "") =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30">${more}<rect width="40" height="30" fill="${colour}"/></svg>\n`;

describe("the review of a real task", { skip: missing() ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  let pages: SharedPage;

  before(async () => {
    browser = await launchChromium();
    pages = new SharedPage(browser);
    studio = await StudioProcess.create();
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  const check = (page: Page, name: string) => page.locator(".check", { hasText: name });

  test("checks lead to lines and to the agent; reverts, images and the last turn", async (t) => {
    const repository = await createRepository(studio.directory);
    await mkdir(join(repository, ".holdfast"));
    await mkdir(join(repository, "src"));
    await writeFile(join(repository, ".holdfast", "environment.yaml"), environment);
    const sum = Array.from({ length: 60 }, (_, index) => `// line ${index + 1}\n`).join("");
    await writeFile(join(repository, "src", "sum.js"), sum);
    await writeFile(join(repository, "logo.svg"), picture("red"));
    await git(repository, "add", "--all");
    await git(repository, "commit", "--quiet", "--message", "More");
    const page = await pages.open(t, { width: 1600, height: 1000 });
    await signIn(page, studio);
    await startTask(page, { prompt: 'write "broken" to x.txt without asking', repository });
    await waitForStatus(page, "idle");
    const id = new URL(page.url()).pathname.split("/").at(-1) ?? "";
    await page.locator('.check[data-check="passed"]', { hasText: "lint" }).waitFor();

    // As the agent, or its tools, would.
    const workspace = join(studio.directory, "data", "tasks", id, "workspace");
    await writeFile(join(workspace, "src", "sum.js"), sum.replace("line 5\n", "line five\n"));
    await writeFile(
      join(workspace, "logo.svg"),
      picture("green", "<script>document.title = 'taken'; parent.hacked = true</script>"),
    );
    await page.getByRole("button", { name: "Reload changes" }).click();
    await page.locator('.check[data-stale="true"]', { hasText: "lint" }).waitFor();
    await page.getByRole("button", { name: "Run all" }).click();
    await page.locator('.check[data-check="failed"]', { hasText: "test" }).waitFor();
    await page.locator('.check[data-check="passed"][data-stale="false"]', { hasText: "lint" }).waitFor();
    await check(page, "test").getByRole("log").getByText("looking at src/sum.js").waitFor();

    // A line that is hidden in the diff is loaded, shown and focused.
    await page.getByRole("button", { name: "src/sum.js:42" }).click();
    await page.locator('.line-button[data-line="42"]:focus').waitFor();
    await section(page, "src/sum.js").getByText("// line 42").waitFor();

    // What the check says is at its line, there and in the editor, and leads back to the result.
    const note = section(page, "src/sum.js").locator(".check-note", { hasText: "error: the sum is wrong" });
    await note.getByText("column 3").waitFor();
    await keepScreenshot(page, "review-check-note");
    await note.getByRole("button", { name: /^test.*show the result/ }).click();
    await check(page, "test").locator(".check-toggle:focus").waitFor();
    await page.getByRole("button", { name: /^Edit src\/sum.js, line 42/ }).click();
    await page.locator(".cm-lint-marker-error").waitFor();
    await page.locator(".cm-activeLine", { hasText: "// line 42" }).waitFor();
    const notes = page.getByRole("list", { name: "Results of checks" });
    await notes.getByText("the sum is wrong").waitFor();
    await assertAccessible(page, "editor with a result");
    await keepScreenshot(page, "workspace-check-note");
    await notes.getByRole("button", { name: /^test.*show the result/ }).click();
    await check(page, "test").locator(".check-toggle:focus").waitFor();

    await page.evaluate("document.querySelector('.changes').scrollTo(0, 0)");
    await assertAccessibleInThemes(page, "checks");
    await keepScreenshot(page, "review-checks");

    // An image is shown with its size, and no script in it runs.
    const logo = section(page, "logo.svg");
    await logo.getByRole("button", { name: "Show as image" }).click();
    await logo.getByText("40 × 30").nth(1).waitFor();
    assert.equal(await page.evaluate("globalThis.hacked"), undefined);
    await keepScreenshot(page, "review-image");

    // A file is reverted when that is confirmed, and comes back.
    await section(page, "src/sum.js").getByRole("button", { name: "Revert src/sum.js" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("src/sum.js becomes as it was before the task.").waitFor();
    await assertAccessible(page, "revert dialog");
    await dialog.getByRole("button", { name: "Revert", exact: true }).click();
    await section(page, "src/sum.js").waitFor({ state: "detached" });
    assert.equal(await readFile(join(workspace, "src", "sum.js"), "utf8"), sum);
    await page.getByRole("button", { name: "Undo the revert of src/sum.js" }).click();
    await section(page, "src/sum.js").waitFor();
    assert.match(await readFile(join(workspace, "src", "sum.js"), "utf8"), /line five/);

    // From a shell, beside the running server.
    const shown = await studio.holdfast("checks", id);
    assert.match(shown, /test: failed \(exit code 1\)[\s\S]*src\/sum\.js:42 {2}error: the sum is wrong/);
    assert.match(await studio.holdfast("checks", id, "--run", "lint"), /lint: running\nclean\nlint: passed/);
    await assert.rejects(studio.holdfast("checks", id, "--run", "test"));

    await page.getByRole("button", { name: "Send to the agent the failure of test" }).click();
    await page.getByText('The check "test" failed (exit code 1)').first().waitFor();
    await approvalCard(page).waitFor();
    await allowUntilIdle(page);
    await page.getByLabel("Compare with").selectOption("turn");
    await section(page, "x.txt").waitFor({ state: "detached" });
    assertNoTrouble(page);
  });

  test("fits a narrow page", async (t) => {
    const page = await pages.open(t, { width: 320, height: 800 });
    await signIn(page, studio);
    await page.locator(".task-row a, .task-title, [href^='/tasks/']").first().click();
    await page.getByRole("tab", { name: "Changes", exact: true }).click();
    await page.locator(".review-bar").waitFor();
    await page.locator(".check").first().waitFor();
    await assertFits(page, "narrow review");
    await assertAccessibleInThemes(page, "narrow review");
    await keepScreenshot(page, "review-checks-320");
    assertNoTrouble(page);
  });
});
