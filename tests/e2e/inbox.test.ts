import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage, SharedPage } from "./support/browser.ts";
import { assertNoTrouble, keepScreenshot, signIn, startTask, waitForStatus } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

describe("the inbox", { skip: absent ?? false }, () => {
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

  const rows = (page: Page) => page.locator("[data-entry]");
  const row = (page: Page, title: string) => rows(page).filter({ hasText: title });
  const openInbox = (page: Page) => page.getByRole("link", { name: /^Inbox/ }).click();
  const expectUnread = async (page: Page, count: number) => {
    await page.locator(".nav-count", { hasText: `${count} unread` }).waitFor();
    assert.equal(await page.title(), `(${count}) Inbox · Holdfast`);
  };

  test("is worked off with keys, an approval is allowed in it, and both count in the title", async (t) => {
    const page = await pages.open(t, { width: 1400, height: 900 });
    await signIn(page, studio);
    await openInbox(page);
    await page.getByText("Nothing needs you").waitFor();
    await assertAccessible(page, "inbox-empty");
    await keepScreenshot(page, "inbox-empty");
    await startTask(page, { prompt: "Add a line about pelicans without asking" });
    await waitForStatus(page, "idle");
    await startTask(page, { prompt: "Add a line about herons" });
    await waitForStatus(page, "waiting");
    await openInbox(page);
    await rows(page).nth(1).waitFor();
    await expectUnread(page, 2);

    await page.keyboard.press("j");
    await page.locator(".inbox-preview [data-approval]").waitFor();
    await expectUnread(page, 1);
    await assertAccessible(page, "inbox-approval");
    await keepScreenshot(page, "inbox-approval");
    await page.keyboard.press("a");
    await row(page, "herons").filter({ hasText: "Asks" }).waitFor({ state: "detached" });
    await row(page, "herons").filter({ hasText: "Finished" }).waitFor();

    await row(page, "pelicans").click();
    await page.locator(".inbox-preview .markdown").waitFor();
    await keepScreenshot(page, "inbox-finished");
    await page.keyboard.press("h");
    await page.getByRole("dialog", { name: "Snooze until" }).waitFor();
    await assertAccessible(page, "inbox-snooze");
    await keepScreenshot(page, "inbox-snooze");
    await page.keyboard.press("1");
    await row(page, "pelicans").waitFor({ state: "detached" });
    await page.getByRole("tab", { name: /Snoozed/ }).click();
    await row(page, "pelicans").click();
    await page.keyboard.press("h");
    await row(page, "pelicans").waitFor({ state: "detached" });
    await page.getByRole("tab", { name: "Inbox" }).click();
    await row(page, "pelicans").click();
    await page.keyboard.press("u");
    await page.locator(".inbox-row-unread", { hasText: "pelicans" }).waitFor();
    await page.keyboard.press("e");
    await row(page, "pelicans").waitFor({ state: "detached" });
    const listed = (await studio.holdfast("inbox", "--json")).trim().split("\n");
    assert.deepEqual(
      listed.map((line) => (JSON.parse(line) as { task: { title: string } }).task.title),
      ["Add a line about herons"],
    );
    assert.match(await studio.holdfast("inbox", "--done"), /Finished +Add a line about pelicans/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: /herons/ }).waitFor();
    assertNoTrouble(page);
  });

  test("has the approvals of all tasks in one queue, answered together, and says who answered one first", async (t) => {
    const page = await pages.open(t, { width: 1400, height: 900 });
    await signIn(page, studio);
    for (const bird of ["storks", "cranes"]) {
      await startTask(page, { prompt: `Add a line about ${bird}` });
      await waitForStatus(page, "waiting");
    }
    const other = await openPage(browser, t, { width: 390, height: 800 });
    await signIn(other, studio);
    await openInbox(other);
    await row(other, "storks").click();
    await other.locator(".inbox-preview [data-approval]").waitFor();
    await assertAccessible(other, "inbox-narrow");
    await keepScreenshot(other, "inbox-narrow");

    await openInbox(page);
    await page.getByRole("tab", { name: "Approvals" }).click();
    await page.locator("[data-approval]").nth(1).waitFor();
    await assertAccessible(page, "inbox-approvals");
    await page.getByLabel(/Select all/).check();
    await keepScreenshot(page, "inbox-approvals");
    await page.getByRole("button", { name: "Allow 2 once" }).click();
    await page.getByText("Allowed once: 2.").first().waitFor();
    await page.getByText("No approvals are waiting").waitFor();
    await row(other, "storks").filter({ hasText: "Asks" }).waitFor({ state: "detached" });
    assertNoTrouble(page);
    assertNoTrouble(other);
  });
});
