import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser } from "playwright-core";
import { assertAccessible, assertReadable } from "./support/axe.ts";
import { missing, openPage } from "./support/browser.ts";
import { assertFits, assertNoTrouble, keepScreenshot, signIn, waitForStatus } from "./support/pages.ts";
import { createRepository, git } from "./support/repository.ts";
import { StudioProcess } from "./support/studio.ts";

describe("attempts at one prompt", { skip: missing() ?? false }, () => {
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

  test("are started from the form, compared, and decided with one key; the list shows one task", async (t) => {
    const page = await openPage(browser, t, { width: 1280, height: 900 });
    await signIn(page, studio);
    const repository = await createRepository(studio.directory);
    await mkdir(join(repository, ".holdfast"));
    const checks =
      'checks:\n- {name: test, run: "grep -q x made.txt"}\n- {name: lint, run: "echo made.txt:1: ugly; exit 1"}\n';
    await writeFile(join(repository, ".holdfast", "environment.yaml"), checks);
    await git(repository, "add", "--all");
    await git(repository, "commit", "--quiet", "--message", "Checks");
    const open = page.getByRole("button", { name: "New task" });
    if (await open.isVisible()) await open.click();
    await page.getByLabel("Repository").fill(repository);
    await page.locator('.repository-check[data-check="clean"]').waitFor();
    await page.locator('.agent-choice input[value="demo"]').check();
    const add = page.getByRole("button", { name: "Add an attempt" });
    for (let count = 0; count < 3; count++) await add.click();
    await page.getByRole("button", { name: "Remove attempt 4" }).click();
    assert.equal(await page.getByRole("combobox", { name: /^Attempt \d/ }).count(), 2);
    await page.locator(".attempts-row").nth(1).getByLabel("Mode").selectOption("auto");
    await assertAccessible(page, "the form with attempts");
    await keepScreenshot(page, "attempts-form-1280");
    await page.getByLabel("Describe the task").fill('write "x" to made.txt without asking');
    await page.getByRole("button", { name: "Start task" }).click();

    await page.waitForURL(/view=attempts/);
    const columns = page.locator("[data-attempt]");
    await columns.nth(2).waitFor();
    assert.equal(await columns.count(), 3);
    await waitForStatus(page, "idle");
    await columns.nth(2).getByText("made.txt").waitFor();
    await columns.nth(0).getByText("+1 −0 in 1 file").waitFor();
    await page.locator(".transcript").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Run checks for all" }).click();
    for (const index of [0, 1, 2]) {
      await columns.nth(index).getByText("test: passed").waitFor();
      await columns.nth(index).getByText("lint: failed").waitFor();
    }
    await columns.nth(2).getByText("auto", { exact: true }).waitFor();

    await columns.nth(0).focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("d");
    const diff = page.getByRole("region", { name: "Changes of demo 2" });
    await diff.getByText("made.txt").first().waitFor();
    await assertAccessible(page, "the attempts with the changes of one");
    await keepScreenshot(page, "attempts-1280-light");
    await page.emulateMedia({ colorScheme: "dark" });
    await assertReadable(page, "the attempts, dark");
    await page.setViewportSize({ width: 320, height: 700 });
    await assertFits(page, "attempts");
    await page.setViewportSize({ width: 400, height: 800 });
    await keepScreenshot(page, "attempts-400-dark");
    await page.setViewportSize({ width: 1280, height: 900 });

    await page.goto(new URL("/", page.url()).href);
    const row = page.locator("[data-task]");
    await row.getByText("demo, 3 attempts").waitFor();
    assert.equal(await row.count(), 1);
    await page.goBack();
    await columns.nth(1).waitFor();

    await columns.nth(1).focus();
    await page.keyboard.press("k");
    const dialog = page.getByRole("dialog", { name: "Keep demo 2?" });
    await dialog.getByText(/This frees \d/).waitFor();
    await assertAccessible(page, "the choice of an attempt");
    await keepScreenshot(page, "attempts-keep-1280-dark");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("tab", { name: /^Attempts/ }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Closed (2)" }).waitFor();
    await page.locator(".changes").getByText("made.txt").first().waitFor();
    assertNoTrouble(page);
  });
});
