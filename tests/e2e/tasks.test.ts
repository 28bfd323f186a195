import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { missing, SharedPage } from "./support/browser.ts";
import {
  allowUntilIdle,
  approvalCard,
  assertNoTrouble,
  keepScreenshot,
  signIn,
  startTask,
  waitForStatus,
} from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

describe("the list of tasks", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  let pages: SharedPage;
  let phones: SharedPage;

  before(async () => {
    browser = await launchChromium();
    pages = new SharedPage(browser);
    phones = new SharedPage(browser);
    studio = await StudioProcess.create();
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  const rows = (page: Page) => page.locator("[data-task]");
  const row = (page: Page, title: string) => rows(page).filter({ hasText: title });
  const openList = (page: Page) => page.getByRole("link", { name: "Tasks", exact: true }).click();

  test("is searched, filtered, grouped, marked, archived and cleaned up", async (t) => {
    const page = await pages.open(t, { width: 1400, height: 900 });
    await signIn(page, studio);
    for (const prompt of [
      "Add a line about pelicans without asking",
      "Add a line about herons without asking",
    ]) {
      await startTask(page, { prompt });
      await waitForStatus(page, "idle");
    }
    await openList(page);
    await rows(page).nth(1).waitFor();

    await page.getByRole("searchbox", { name: "Search tasks" }).fill("pelic");
    await row(page, "herons").waitFor({ state: "detached" });
    await row(page, "pelicans").waitFor();
    assert.match(page.url(), /q=pelic/);
    assert.equal(await rows(page).count(), 1);
    await page.getByRole("searchbox", { name: "Search tasks" }).fill("readme");
    // The agent said it, and nobody else.
    await page.locator(".task-row-match mark").first().waitFor();
    await page.getByRole("searchbox", { name: "Search tasks" }).fill("no such word");
    await page.getByRole("button", { name: "Show all tasks" }).click();
    await rows(page).nth(1).waitFor();

    await row(page, "herons").getByRole("link").click();
    await page.getByRole("button", { name: "Add labels" }).click();
    const dialog = page.getByRole("dialog", { name: "Labels of this task" });
    await dialog.getByLabel("Labels").fill("waders, bog, Bog");
    await assertAccessible(page, "task-labels-dialog");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "bog", exact: true }).waitFor();
    assert.equal(await page.evaluate("document.activeElement.textContent"), "Edit labels");
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Find a task or a command" }).fill("edit labels");
    await page.keyboard.press("Enter");
    await dialog.getByLabel("Labels").fill("bog, waders, urgent");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "urgent", exact: true }).waitFor();
    await page.waitForURL(({ hash }) => hash === "");
    await assertAccessible(page, "task-labels");
    await page.getByRole("link", { name: "bog", exact: true }).click();
    await row(page, "pelicans").waitFor({ state: "detached" });
    assert.match(page.url(), /label=bog/);
    assert.deepEqual(await row(page, "herons").locator(".label-tag").allTextContents(), [
      ...["bog", "urgent", "waders"],
    ]);
    await page.getByLabel("Labels").selectOption("");
    await rows(page).nth(1).waitFor();
    await page.getByLabel("Groups").selectOption("label");
    await page.getByRole("heading", { name: "Without a label" }).waitFor();
    await page.getByRole("heading", { name: "bog" }).waitFor();
    await page.getByLabel("Groups").selectOption("status");
    await page.getByRole("heading", { name: /^Done\s*2$/ }).waitFor();
    await page.getByLabel("States").selectOption("idle");
    await rows(page).nth(1).waitFor();
    await assertAccessible(page, "list-grouped");
    await keepScreenshot(page, "list-grouped");
    await page.goto(new URL("/", page.url()).href);

    await rows(page).nth(1).waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys of the list" }).waitFor();
    await assertAccessible(page, "list-keys");
    await page.keyboard.press("Escape");
    await page.keyboard.press("/");
    await page.keyboard.type("je");
    assert.equal(await page.getByRole("searchbox", { name: "Search tasks" }).inputValue(), "je");
    await page.getByRole("button", { name: "Show all tasks" }).click();
    await rows(page).nth(1).waitFor();
    const focusedTitle = () => page.evaluate<string>("document.activeElement.textContent");
    await page.keyboard.press("j");
    assert.match(await focusedTitle(), /herons/);
    await page.keyboard.press("j");
    assert.match(await focusedTitle(), /pelicans/);
    await page.keyboard.press("k");
    await page.keyboard.press("e");
    await row(page, "herons").waitFor({ state: "detached" });
    assert.match(await focusedTitle(), /pelicans/);
    await page.getByRole("button", { name: "Archive", exact: true }).click();
    await row(page, "herons").waitFor();
    await page.getByRole("heading", { name: "Archived tasks" }).click();
    await page.keyboard.press("j");
    await page.keyboard.press("e");
    await page.getByText("Nothing is archived").waitFor();
    await page.getByRole("button", { name: "Archive", exact: true }).click();
    await rows(page).nth(1).waitFor();

    await page.getByRole("button", { name: /^Mark as unread: .*herons/ }).click();
    await page.locator(".task-row-unread").filter({ hasText: "herons" }).waitFor();
    const phone = await phones.open(t, { width: 400, height: 860 });
    await signIn(phone, studio);
    await phone.locator(".task-row-unread").filter({ hasText: "herons" }).waitFor();
    await row(phone, "herons").getByRole("link").click();
    await page.locator(".task-row-unread").waitFor({ state: "detached" });

    await page.getByRole("button", { name: /^Archive: .*herons/ }).click();
    await row(page, "herons").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Archive", exact: true }).click();
    await page.getByRole("heading", { name: "Archived tasks" }).waitFor();
    await row(page, "herons").waitFor();
    await page.getByRole("button", { name: /^Restore: .*herons/ }).click();
    await page.getByText("Nothing is archived").waitFor();
    await page.getByRole("button", { name: "Archive", exact: true }).click();
    await page.getByRole("button", { name: /^Archive: .*herons/ }).click();
    await page.getByRole("button", { name: "Archive", exact: true }).click();
    await page.getByRole("button", { name: /^Delete: .*herons/ }).click();
    await page.getByText(/This frees .* of files and .* of its transcript/).waitFor();
    await assertAccessible(page, "list-delete");
    await page.getByRole("button", { name: "Delete for good" }).click();
    await page.getByText("Nothing is archived").waitFor();
    await page.reload();
    await page.getByText("Nothing is archived").waitFor();
    await phone.getByRole("link", { name: "Tasks", exact: true }).click();
    await row(phone, "pelicans").waitFor();
    assert.equal(await rows(phone).count(), 1);
    await assertAccessible(phone, "list-phone");
    await keepScreenshot(phone, "list-phone");
    assertNoTrouble(page);
  });

  test("the command palette finds tasks, goes to screens and acts on a task, by keys alone", async (t) => {
    const page = await pages.open(t, { width: 1400, height: 900 });
    await signIn(page, studio);
    // The task that is left.
    await row(page, "pelicans").getByRole("link").click();
    await waitForStatus(page, "idle");
    const palette = page.getByRole("dialog", { name: "Commands" });
    const active = palette.locator('[role="option"][aria-selected="true"]');

    await page.keyboard.press("Control+k");
    await palette.getByRole("combobox").waitFor();
    await palette.getByRole("option", { name: "Archive the task" }).waitFor();
    await assertAccessible(page, "palette");
    await keepScreenshot(page, "palette");
    await page.keyboard.type("system");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/system/);

    // Enter before the answer of the search still chooses the task.
    await page.keyboard.press("Control+k");
    await palette.getByRole("combobox").waitFor();
    await page.keyboard.type("pelicans");
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/tasks\/./);
    await page.getByRole("heading", { name: /pelicans/ }).waitFor();

    await page.keyboard.press("Control+k");
    await palette.getByRole("combobox").waitFor();
    await page.keyboard.type("unread");
    await page.keyboard.press("Enter");
    await page.locator(".task-row-unread").filter({ hasText: "pelicans" }).waitFor();

    await page.keyboard.press("Control+k");
    await palette.getByRole("combobox").waitFor();
    await page.keyboard.type("Count the herons");
    await active.filter({ hasText: "New task: Count the herons" }).waitFor();
    await page.keyboard.press("Escape");
    await palette.waitFor({ state: "detached" });
    await page.keyboard.press("Control+k");
    await palette.getByRole("combobox").waitFor();
    await page.keyboard.type("Count the herons");
    await page.keyboard.press("Enter");
    await page.locator('input[placeholder="/home/you/project"]:focus').waitFor();
    assert.equal(await page.getByLabel("Describe the task").inputValue(), "Count the herons");
    assertNoTrouble(page);
  });

  test("the board shows tasks by state, moves by arrows, and is saved as a view that can be renamed and deleted", async (t) => {
    const page = await pages.open(t, { width: 1500, height: 900 });
    await signIn(page, studio);
    await startTask(page, { prompt: "Add a line about storks" });
    await waitForStatus(page, "waiting");
    await openList(page);
    await row(page, "storks").waitFor();
    await page.getByRole("button", { name: "Board" }).click();
    const column = (name: string) => page.getByRole("region", { name });
    await column("Needs you").locator("[data-task]").filter({ hasText: "storks" }).waitFor();
    await column("Done").locator("[data-task]").first().waitFor();
    await assertAccessible(page, "board");
    await keepScreenshot(page, "board");
    const focusedTask = () =>
      page.evaluate<string>('document.activeElement.closest("[data-task]")?.textContent ?? ""');
    await page.getByRole("heading", { name: "Tasks", exact: true }).click();
    await page.keyboard.press("ArrowDown");
    assert.match(await focusedTask(), /storks/);
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await focusedTask(), "");
    assert.doesNotMatch(await focusedTask(), /storks/);
    await page.keyboard.press("ArrowLeft");
    assert.match(await focusedTask(), /storks/);
    await page.keyboard.press("Enter");
    await approvalCard(page).waitFor();
    await allowUntilIdle(page);
    // The browser keeps the board.
    await openList(page);
    await column("Done").locator("[data-task]").filter({ hasText: "storks" }).waitFor();

    await page.getByLabel("States").selectOption("idle");
    await column("Failed").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Save this view" }).click();
    await page.keyboard.type("Finished");
    await page.keyboard.press("Enter");
    const view = (on: Page, name: string) =>
      on.getByRole("navigation", { name: "Views" }).getByRole("button", { name, exact: true });
    await view(page, "Finished").and(page.locator("[aria-current]")).waitFor();
    await assertAccessible(page, "board-view");

    const phone = await phones.open(t, { width: 400, height: 860 });
    await signIn(phone, studio);
    await view(phone, "Finished").click();
    await phone.getByRole("region", { name: "Done" }).locator("[data-task]").first().waitFor();
    await assertAccessible(phone, "board-phone");
    await keepScreenshot(phone, "board-phone");
    await phone.getByRole("button", { name: "Rename" }).click();
    await phone.keyboard.press("Control+A");
    await phone.keyboard.type("Over");
    await phone.keyboard.press("Enter");
    await view(page, "Over").waitFor();
    await page.getByRole("button", { name: "Delete the view Over" }).click();
    await page.getByRole("button", { name: "Delete the view", exact: true }).click();
    await view(phone, "Over").waitFor({ state: "detached" });
    assertNoTrouble(page);
    assertNoTrouble(phone);
  });
});
