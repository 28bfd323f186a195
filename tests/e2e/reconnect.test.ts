import assert from "node:assert/strict";
import { watch } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { connectWithCookie, createStudioClient } from "../../packages/studio/src/index.ts";
import { logIn, Watch } from "../../packages/studio/tests/support.ts";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage, SharedPage } from "./support/browser.ts";
import {
  approvalCard,
  entriesOf,
  keepScreenshot,
  openSignedIn,
  signIn,
  startTask,
  waitForStatus,
} from "./support/pages.ts";
import { createRepository, git, randomText } from "./support/repository.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

describe("a page outlives its server", { skip: absent ?? false }, () => {
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

  /** Address of a task that is done, with which cases go on. */
  let shared: string | undefined;

  async function openTask(page: Page): Promise<void> {
    if (shared === undefined) {
      await signIn(page, studio);
      await startTask(page, { prompt: "Add a line to the README without asking" });
      shared = page.url();
    } else await openSignedIn(page, studio, shared);
    await waitForStatus(page, "idle");
  }

  async function prompt(page: Page, text: string): Promise<void> {
    const field = page.getByLabel("Next prompt").getByRole("textbox");
    await field.fill(text);
    await field.press("Control+Enter");
  }

  test("killed in the middle of a turn: the page reconnects and the task continues", async (t) => {
    const page = await pages.open(t);
    const line = randomText("After the storm");
    await signIn(page, studio);
    await startTask(page, { prompt: `slowly add the line "${line}" to the README without asking` });
    shared = page.url();
    await page.getByText("Counting slowly.").first().waitFor();
    const seen = await entriesOf(page);
    await studio.kill();
    await page.getByTestId("offline-banner").waitFor();
    await keepScreenshot(page, "task-offline");
    assert.ok((await entriesOf(page)).length >= seen.length, "the content stays visible");
    await studio.start();
    await page.getByTestId("offline-banner").waitFor({ state: "detached", timeout: 60_000 });
    await waitForStatus(page, "idle");
    await page.locator(".file-diffs .diff-added .diff-code", { hasText: line }).waitFor();
    // The live page and a page that reads the complete log show the same entries, without gaps or duplicates.
    const live = await entriesOf(page);
    await page.reload();
    await page.locator(".entries > li").first().waitFor();
    await waitForStatus(page, "idle");
    await page
      .locator(".entries > li")
      .nth(live.length - 1)
      .waitFor();
    assert.deepEqual(await entriesOf(page), live);
  });

  test("killed while a question waits: it is asked again, and can be answered", async (t) => {
    const page = await pages.open(t);
    await openTask(page);
    await prompt(page, 'write "yes" to answered.txt');
    const first = await approvalCard(page).getAttribute("data-approval");
    await studio.kill();
    await page.getByTestId("offline-banner").waitFor();
    await studio.start();
    await page.getByTestId("offline-banner").waitFor({ state: "detached", timeout: 60_000 });
    // The agent that asked first has ended; its card may be visible until the next one asks.
    const again = page.locator(`[data-approval]:not([data-approval="${first}"])`);
    await again.locator('[data-kind="allow_once"]').click({ timeout: 60_000 });
    await waitForStatus(page, "idle");
    await page.locator('[data-file="answered.txt"]').waitFor();
  });

  test("the page of a sandbox reports its end with the agent, and continues when it is back", async (t) => {
    const page = await pages.open(t);
    await openTask(page);
    const [files, processes] = [await page.context().newPage(), await page.context().newPage()];
    await files.goto(`${page.url()}/sandbox/ui/files`);
    await files.getByRole("link", { name: "README.md" }).waitFor();
    await processes.goto(`${page.url()}/sandbox/ui/processes`);
    await processes.getByRole("button", { name: "Open a shell" }).click();
    await processes.getByRole("region", { name: "Terminal" }).getByText("Connected").waitFor();
    await prompt(page, "crash");
    await waitForStatus(page, "failed");
    for (const shown of [files, processes])
      await shown.getByTestId("offline-banner").getByText("This sandbox has stopped").waitFor();
    await assertAccessible(files, "files of a sandbox that has ended");
    await prompt(page, "Run `touch afterwards.txt` without asking");
    await files.getByText("afterwards.txt").waitFor();
    await files.getByTestId("offline-banner").waitFor({ state: "detached" });
    await processes.getByText("This process no longer exists").waitFor();
  });

  test("a browser that was offline for a day, while the server restarted and work went on, shows all of it once; when it is looked at again, it connects at once", async (t) => {
    const page = await openPage(browser, t);
    await page.clock.install();
    await openTask(page);
    const prompts = page.getByRole("article", { name: "Your prompt" });
    await prompts.last().waitFor();
    const id = new URL(page.url()).pathname.split("/").at(-1) ?? "";
    await page.context().setOffline(true);
    await studio.kill();
    await page.getByTestId("offline-banner").waitFor();
    await studio.start();
    const ticket = new URL(await studio.link()).hash.slice("#ticket=".length);
    const elsewhere = connectWithCookie(studio.url, await logIn(studio.url, ticket));
    t.after(() => elsewhere.dispose());
    const client = createStudioClient(elsewhere);
    const watch = await Watch.open(client, id);
    t.after(() => watch.close());
    const { revision } = watch.latest;
    await client.task(id).prompt('write "two" to two.txt without asking');
    await watch.until((view) => view.status === "idle" && view.revision > revision, "the second turn");
    await page.clock.fastForward("24:00:00");
    await page.getByTestId("offline-banner").waitFor();

    await page.context().setOffline(false);
    await page.getByTestId("offline-banner").waitFor({ state: "detached" });
    await page.locator('[data-file="two.txt"]').waitFor();
    await waitForStatus(page, "idle");
    await prompts.filter({ hasText: "two.txt" }).first().waitFor();
    const shown = await entriesOf(page);
    assert.equal(await prompts.filter({ hasText: "two.txt" }).count(), 1);
    await page.reload();
    await page
      .locator(".entries > li")
      .nth(shown.length - 1)
      .waitFor();
    assert.deepEqual(await entriesOf(page), shown);

    await studio.kill();
    await page.getByTestId("offline-banner").waitFor();
    // From now on no timer of the page runs, so that its next attempt never comes by itself.
    const now = await page.evaluate<number>("Date.now()");
    await page.clock.pauseAt(now + 60_000);
    await studio.start();
    await page.evaluate("window.dispatchEvent(new Event('focus'))");
    await page.getByTestId("offline-banner").waitFor({ state: "detached" });
  });

  test("killed before a part of the app was loaded: the page waits for it, and the others stay", async (t) => {
    const page = await pages.open(t);
    await signIn(page, studio);
    // It comes with the profile, which a server that was killed does not answer.
    await page.getByRole("link", { name: "Actors" }).waitFor();
    await studio.kill();
    await page.getByTestId("offline-banner").waitFor();
    await page.getByRole("link", { name: "Actors" }).click();
    await page.getByRole("heading", { name: "This page could not be loaded" }).waitFor();
    await assertAccessible(page, "a page that is not loaded");
    await page.getByRole("link", { name: "Tasks", exact: true }).click();
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    await page.getByRole("link", { name: "Actors" }).click();
    await page.getByRole("heading", { name: "This page could not be loaded" }).waitFor();
    await studio.start();
    await page.getByRole("heading", { name: "Actors" }).waitFor();
    await page.locator(".actor-list").waitFor();
  });

  test("killed while the repository is being cloned, and inside Apply: the task starts, and Apply is finished after the restart, on one branch", async (t) => {
    const page = await pages.open(t);
    const repository = await createRepository(studio.directory);
    const line = randomText("Applied once");
    await signIn(page, studio);
    await startTask(page, { repository, prompt: `Add the line "${line}" to the README without asking` });
    await studio.kill();
    await page.getByTestId("offline-banner").waitFor();
    await studio.start();
    await page.getByTestId("offline-banner").waitFor({ state: "detached", timeout: 60_000 });
    await waitForStatus(page, "idle");
    await page.locator(".file-diffs .diff-added .diff-code", { hasText: line }).waitFor();
    // The first thing that moves in the person's repository says that Apply is in the middle.
    const moved = firstChange(join(repository, ".git"));
    await page.getByRole("button", { name: "Apply to branch" }).click();
    await moved;
    await studio.kill();
    await page.getByTestId("offline-banner").waitFor();
    await studio.start();
    await page.getByTestId("offline-banner").waitFor({ state: "detached", timeout: 60_000 });
    await page.getByTestId("applied").waitFor();
    const branches = (await git(repository, "branch", "--format=%(refname:short)")).split("\n");
    assert.equal(branches.length, 2, `main and one new branch: ${branches.join(", ")}`);
    const branch = branches.find((name) => name !== "main") ?? "";
    assert.match(await git(repository, "show", `${branch}:README.md`), new RegExp(line));
    assert.equal(await git(repository, "rev-list", "--count", `main..${branch}`), "1");
    assert.equal(await git(repository, "status", "--porcelain"), "");
    await git(repository, "fsck", "--strict");
  });
});

/** Resolves with the first change below a folder that exists now. */
async function firstChange(folder: string): Promise<void> {
  const abort = new AbortController();
  try {
    for await (const _ of watch(folder, { recursive: true, signal: abort.signal })) return;
  } finally {
    abort.abort();
  }
}
