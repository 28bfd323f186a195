import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage } from "./support/browser.ts";
import {
  assertFits,
  assertNoTrouble,
  keepScreenshot,
  signIn,
  startTask,
  waitForStatus,
} from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const tab = (page: Page, name: string) => page.getByRole("tab", { name });

describe("several sessions of a task", { skip: missing() ?? false }, () => {
  let browser: Browser;
  let studio: StudioProcess;

  before(async () => {
    studio = await StudioProcess.create();
    browser = await launchChromium();
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  test("are started, told apart, stopped, named and closed, by keyboard alone", async (t) => {
    const page = await openPage(browser, t, { width: 1280, height: 900 });
    await signIn(page, studio);
    await startTask(page, { prompt: "hang" });
    assert.equal(await tab(page, "demo").count(), 0, "a task with one session has no tabs for them");

    await page.getByTestId("new-session").focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "New session" });
    await dialog.getByLabel("Name").fill("writer");
    await assertAccessible(page, "the dialog for a new session");
    await keepScreenshot(page, "new-session-1280");
    await dialog.getByLabel("First prompt").fill('write "two" to two.txt without asking');
    await page.keyboard.press("Control+Enter");

    await tab(page, "writer").and(page.locator('[aria-selected="true"]')).waitFor();
    assert.match(page.url(), /session=/);
    await page.locator(".changes").getByText("two.txt").first().waitFor({ timeout: 60_000 });
    // The first session still works, and so does the task.
    await tab(page, "demo working").waitFor();
    await waitForStatus(page, "running");
    const conversation = page.locator(".transcript");
    assert.equal(
      await conversation.getByText("hang", { exact: true }).count(),
      0,
      "each has its own conversation",
    );
    await assertAccessible(page, "a task with two sessions");
    await keepScreenshot(page, "sessions-1280-light");

    // What is sent goes to the session that is shown, and its draft stays with it.
    const composer = page.getByRole("textbox", { name: "Next prompt" });
    await composer.fill("hang");
    await page.keyboard.press("Control+Enter");
    await tab(page, "writer working").waitFor();
    await composer.fill("for the writer");
    await tab(page, "writer").focus();
    await page.keyboard.press("ArrowLeft");
    await tab(page, "demo").and(page.locator('[aria-selected="true"]')).waitFor();
    assert.equal(await composer.inputValue(), "");

    await page.getByRole("button", { name: "Stop demo" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Close demo" }).waitFor();
    await tab(page, "writer working").waitFor();
    await page.getByRole("button", { name: "Stop all" }).click();
    await waitForStatus(page, "stopped");

    await page.getByRole("button", { name: "Rename demo" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("planner");
    await page.keyboard.press("Enter");
    await tab(page, "planner").waitFor();
    await page.getByRole("button", { name: "Close planner" }).click();
    await page.getByRole("button", { name: "Close the session" }).click();
    await page.getByRole("button", { name: "Closed (1)" }).waitFor();
    await tab(page, "planner").waitFor({ state: "detached" });
    assert.equal(await composer.inputValue(), "for the writer");

    await page.getByRole("button", { name: "Closed (1)" }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /planner/ })
      .click();
    await tab(page, "planner closed").waitFor();
    await conversation.getByText("hang", { exact: true }).waitFor();
    assert.equal(await composer.count(), 0);
    await assertAccessible(page, "a closed session");

    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 320, height: 700 });
    await assertFits(page, "sessions");
    await assertAccessible(page, "a closed session at 320 px, dark");
    await keepScreenshot(page, "sessions-320-dark");
    await page.setViewportSize({ width: 400, height: 800 });
    await tab(page, "writer").click();
    await keepScreenshot(page, "sessions-400-dark");
    await page.getByTestId("new-session").click();
    await assertFits(page, "sessions");
    await keepScreenshot(page, "new-session-400-dark");
    assertNoTrouble(page);
  });
});
