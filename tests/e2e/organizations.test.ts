import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage } from "./support/browser.ts";
import { assertFits, keepScreenshot, signIn, startTask, waitForStatus } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();
const menu = (page: Page) => page.locator(".organization-menu");

/** Opens an organization by the menu, with the keyboard alone. */
async function switchTo(page: Page, name: string): Promise<void> {
  await menu(page).locator("summary").focus();
  await page.keyboard.press("Enter");
  await menu(page).getByRole("link", { name, exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.locator(".organization-name", { hasText: name }).waitFor();
}

describe("several organizations", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;

  before(async () => {
    browser = await launchChromium();
    studio = await StudioProcess.create({ args: ["--people"] });
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  test("are created, switched between, worked in and deleted while an agent works", async (t) => {
    const page = await openPage(browser, t);
    await signIn(page, studio);
    // Whoever has one organization sees no switch.
    assert.equal(await menu(page).count(), 0);
    await page.goto(`${studio.url}/settings/organization`);
    await page.getByLabel("Name of the new organization").fill("Acme & Sons");
    await page.getByRole("button", { name: "Create organization" }).click();
    await page.locator(".organization-name", { hasText: "Acme & Sons" }).waitFor();
    const home = new URL(page.url()).pathname;
    assert.match(home, /^\/o\/org[0-9a-f]{12}\/$/);
    const id = home.split("/")[2] ?? "";

    // The operator may use folders of the machine everywhere.
    await startTask(page, { prompt: "hang" });
    await waitForStatus(page, "running");
    const task = page.url();
    assert.match(task, new RegExp(`/o/${id}/tasks/${id}_[0-9a-f-]{36}`));
    await page.reload();
    await waitForStatus(page, "running");

    // A link without the organization opens the right one; the start page is that of the last one.
    const other = await openPage(browser, t, { width: 390, height: 844, colorScheme: "dark" });
    await signIn(other, studio);
    await other.goto(`${studio.url}/tasks/${task.split("/").at(-1)}`);
    await waitForStatus(other, "running");
    await other.goto(studio.url);
    await other.locator(".organization-name", { hasText: "Acme & Sons" }).waitFor();
    await other.getByRole("link", { name: "hang", exact: true }).waitFor();

    await switchTo(other, "First organization");
    await other.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    assert.equal(new URL(other.url()).pathname, "/");
    assert.equal(await other.getByRole("link", { name: "hang", exact: true }).count(), 0);
    await other.reload();
    await other.locator(".organization-name", { hasText: "First organization" }).waitFor();

    await other.keyboard.press("Control+k");
    await other.getByLabel("Find a task or a command").fill("organization acme");
    await other.keyboard.press("Enter");
    await other.locator(".organization-name", { hasText: "Acme & Sons" }).waitFor();

    for (const each of [page, other]) {
      await each.goto(`${studio.url}/o/${id}/settings/organization`);
      await each.getByRole("button", { name: "Delete organization" }).waitFor();
      await menu(each).locator("summary").click();
      await assertAccessible(each, "organizations");
      await assertFits(each, "organizations");
      await keepScreenshot(each, each === page ? "organizations" : "organizations-phone");
      await each.keyboard.press("Escape");
    }

    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Export" }).click();
    const archive = await (await download).path();
    await other.getByLabel("Archive").setInputFiles(archive);
    await other.getByLabel("Name of the imported organization").fill("Acme again");
    await other.getByRole("button", { name: "Import organization" }).click();
    await other.getByText("Imported: 1 task,").waitFor();
    await assertAccessible(other, "an import");
    await assertFits(other, "an import");
    await keepScreenshot(other, "organization-import");
    await other.getByRole("button", { name: "Open it" }).click();
    await other.locator(".organization-name", { hasText: "Acme again" }).waitFor();
    await other.getByRole("link", { name: "hang", exact: true }).click();
    await waitForStatus(other, "stopped");

    await page.getByRole("button", { name: "Delete organization" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("1 task, 1 of them running").waitFor();
    const confirm = dialog.getByRole("button", { name: "Delete for good" });
    await dialog.getByLabel("Type the name to confirm").fill("Acme");
    assert.ok(await confirm.isDisabled());
    await dialog.getByLabel("Type the name to confirm").fill("Acme & Sons");
    await assertAccessible(page, "delete an organization");
    await keepScreenshot(page, "organization-delete");
    await confirm.click();
    await page.waitForURL(`${studio.url}/`);
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    await page.locator(".organization-name", { hasText: "First organization" }).waitFor();
    const left = readdirSync(join(studio.directory, "data", "tasks")).filter((name) => name.startsWith(id));
    assert.deepEqual(left, []);
  });
});
