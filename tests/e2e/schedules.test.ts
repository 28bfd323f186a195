/** The page of schedules: one is created, run, paused, changed and deleted, with the keyboard and on a phone. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage, troubleOf } from "./support/browser.ts";
import { assertFits, keepScreenshot, signIn } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

describe("schedules", { skip: missing() ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;

  before(async () => {
    browser = await launchChromium();
    studio = await StudioProcess.create();
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  test("are created, run, paused, changed and deleted", async (t) => {
    const page = await openPage(browser, t, { width: 400, colorScheme: "dark" });
    await signIn(page, studio);
    await page.goto(`${studio.url}/schedules`);
    await page.getByText("No schedules").waitFor();
    await page.getByRole("button", { name: "New schedule" }).press("Enter");
    await page.getByLabel("Name").fill("Dependencies");
    await page.getByRole("button", { name: "Mondays at 8:00" }).click();
    await page.getByText("At 08:00, only on Monday.").waitFor();
    await page.getByLabel("Prompt").fill("Add a line to the README without asking");
    await assertAccessible(page, "the form of a schedule");
    const size = page.viewportSize() ?? { width: 1280, height: 900 };
    await page.setViewportSize({ width: 320, height: 900 });
    await page.getByLabel("On an event of the forge").check();
    await page.getByLabel("Event", { exact: true }).selectOption("labelled");
    await assertFits(page, "the form of a schedule on an event");
    await assertAccessible(page, "the form of a schedule on an event");
    await keepScreenshot(page, "schedule-on-event");
    await page.getByLabel("At times").check();
    await page.setViewportSize(size);
    await page.getByLabel("Times", { exact: true }).fill("* * * * *");
    await page.getByRole("button", { name: "Create schedule" }).click();
    await page.getByText("There must be 5 minutes between two times at least").waitFor();
    await page.getByLabel("Times", { exact: true }).fill("0 8 * * 1");
    await page.getByLabel("Prompt").press("Tab");
    await page.getByRole("button", { name: "Create schedule" }).press("Enter");

    const card = page.getByRole("article", { name: "Dependencies" });
    await card.getByText("Next, in your time").waitFor();
    await card.getByRole("button", { name: "Run now" }).click();
    await card.getByRole("link", { name: "Open the task" }).waitFor();
    await card.getByRole("button", { name: "Pause" }).click();
    await card.getByText("paused").waitFor();
    await assertAccessible(page, "a schedule");
    await card.getByRole("button", { name: "Edit" }).click();
    await page.getByLabel("Name").fill("Updates");
    await page.getByRole("button", { name: "Save" }).click();
    const changed = page.getByRole("article", { name: "Updates" });
    await changed.getByText("paused").waitFor();
    assert.match(await studio.holdfast("schedules", "list"), /paused .*Updates/);
    await changed.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete schedule" }).click();
    await page.getByText("No schedules").waitFor();
    const surplus = await page.evaluate<number>(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
    assert.equal(surplus, 0);
    // The times that the server has refused.
    assert.deepEqual(troubleOf(page), [
      "Failed to load resource: the server responded with a status of 400 (Bad Request)",
    ]);
  });
});
