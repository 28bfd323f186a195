import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { launchBrowser, missing, openPage } from "./support/browser.ts";
import { approvalCard, keepScreenshot, signIn, startTask, waitForStatus } from "./support/pages.ts";
import { randomText } from "./support/repository.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

/** What the page has drawn of the log, entry by entry. */
function entriesOf(page: Page): Promise<string[]> {
  return page.locator(".entries > li").allInnerTexts();
}

describe("a page outlives its server", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;

  before(async () => {
    [studio, browser] = await Promise.all([StudioProcess.create(), launchBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  test("killed in the middle of a turn: the page reconnects and the task goes on", async (t) => {
    const page = await openPage(browser, t);
    const line = randomText("After the storm");
    await signIn(page, studio);
    await startTask(page, { prompt: `slowly add the line "${line}" to the README without asking` });
    await page.getByText("Counting slowly.").first().waitFor();
    const seen = await entriesOf(page);
    await studio.kill();
    await page.getByTestId("offline-banner").waitFor();
    await keepScreenshot(page, "task-offline");
    assert.ok((await entriesOf(page)).length >= seen.length, "what was shown stays");
    await studio.start();
    await page.getByTestId("offline-banner").waitFor({ state: "detached", timeout: 60_000 });
    await waitForStatus(page, "idle");
    await page.locator(".file-diffs .diff-added .diff-code", { hasText: line }).waitFor();
    // The live page and a page that reads the whole log anew show the same entries: no gap, no double.
    const live = await entriesOf(page);
    await page.reload();
    await page.locator(".entries > li").first().waitFor();
    await waitForStatus(page, "idle");
    await page.waitForFunction(`document.querySelectorAll(".entries > li").length >= ${live.length}`);
    assert.deepEqual(await entriesOf(page), live);
  });

  test("killed while a question waits: it is asked again or still there, and can be answered", async (t) => {
    const page = await openPage(browser, t);
    await signIn(page, studio);
    await startTask(page, { prompt: "Add a line to the README" });
    await approvalCard(page).waitFor();
    await studio.kill();
    await page.getByTestId("offline-banner").waitFor();
    await studio.start();
    await page.getByTestId("offline-banner").waitFor({ state: "detached", timeout: 60_000 });
    const allow = approvalCard(page).locator('[data-kind="allow_once"]');
    await waitForStatus(page, "waiting");
    await allow.click();
    await waitForStatus(page, "idle");
    await page.locator('[data-file="README.md"]').waitFor();
  });
});
