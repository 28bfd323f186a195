import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser } from "playwright-core";
import { missing } from "./support/browser.ts";
import { assertDocumented } from "./support/documented.ts";
import {
  approvalCard,
  keepScreenshot,
  openTasks,
  startTask,
  waitForStatus,
  watchForText,
} from "./support/pages.ts";
import { createRepository, git, randomText } from "./support/repository.ts";
import { assertNoTrouble, RunningApp } from "./support/running-app.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

describe("a first task in the browser", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  let app: RunningApp;

  before(async () => {
    browser = await launchChromium();
    app = new RunningApp(browser);
    studio = await StudioProcess.create();
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  test("the sample repository, from the prompt to the diff", async (t) => {
    const page = await app.open(t);
    const line = randomText("The kelp holds");
    await openTasks(page, studio);
    await keepScreenshot(page, "tasks-empty");
    await startTask(page, { prompt: `Add the line "${line}" to the README` });
    await approvalCard(page).waitFor();
    assert.match(await approvalCard(page).innerText(), /README/);
    await keepScreenshot(page, "task-approval");
    await approvalCard(page).locator('[data-kind="allow_once"]').click();
    await waitForStatus(page, "idle");

    const transcript = page.getByRole("region", { name: "Transcript" });
    assert.match(await transcript.innerText(), /Let me look at what is here first/);
    await transcript.locator('[data-type="tool"][class*=entry]').first().waitFor();
    await transcript.locator('[data-approval-state="allowed"]').waitFor();
    assert.match(await page.locator(".plan summary").innerText(), /3 of 3/);

    const changes = page.getByRole("region", { name: "Changes", exact: true });
    await changes.locator('[data-file="README.md"]').waitFor();
    assert.ok((await changes.locator(".diff-added .diff-code").allInnerTexts()).includes(line));
    await keepScreenshot(page, "task-done");
    assertNoTrouble(page);
  });

  test("the sample repository comes with a prompt: its tests fail, are repaired, and pass", async (t) => {
    const page = await app.open(t);
    await openTasks(page, studio);
    await page.getByRole("button", { name: "Use the sample repository" }).click();
    assert.match(await page.getByLabel("Describe the task").inputValue(), /tests fail/);
    await page.locator('.agent-choice input[value="demo"]').check();
    await page.getByRole("button", { name: "Start task" }).click();
    await approvalCard(page).locator('[data-kind="allow_once"]').click();
    await waitForStatus(page, "idle");
    const transcript = page.getByRole("region", { name: "Transcript" });
    assert.match(await transcript.innerText(), /All tests pass now/);
    const runs = transcript.locator('[data-type="tool"]', { hasText: "Run node --test" });
    assert.deepEqual(
      (await runs.allInnerTexts()).map((text) => /\b(failed|done)\b/.exec(text)?.[1]),
      ["failed", "done"],
    );
    const changes = page.getByRole("region", { name: "Changes", exact: true });
    await changes.locator('[data-file="src/slugify.ts"]').waitFor();
    await keepScreenshot(page, "task-repaired");
    await assertDocumented(page, "studio");
    // A comment begins at the first line that changed, not at the first that is shown.
    await changes.getByRole("checkbox", { name: /viewed/i }).focus();
    await page.keyboard.press("c");
    await changes.getByRole("textbox", { name: /New comment on .*line 5/ }).waitFor();
    assertNoTrouble(page);
  });

  test("apply puts the change on a new branch and leaves the working tree alone, and files that run there are marked", async (t) => {
    const page = await app.open(t);
    const repository = await createRepository(studio.directory);
    const line = randomText("Applied");
    const before = await readFile(join(repository, "README.md"), "utf8");
    await openTasks(page, studio);
    await startTask(page, { repository, prompt: `Add the line "${line}" to the README without asking` });
    await waitForStatus(page, "idle");
    await page.locator('[data-file="README.md"]').waitFor();
    await page.getByRole("button", { name: "Apply to branch" }).click();
    const applied = page.getByTestId("applied");
    await applied.waitFor();
    const branch = await applied.locator("strong").innerText();
    assert.match(await git(repository, "show", `${branch}:README.md`), new RegExp(line));
    assert.match(await applied.locator(".command code").innerText(), /^git -C .+ switch /);
    assert.equal(await git(repository, "branch", "--show-current"), "main");
    assert.equal(await readFile(join(repository, "README.md"), "utf8"), before);
    assert.equal(await git(repository, "status", "--porcelain"), "");
    await keepScreenshot(page, "task-applied");
    // A changed file that runs something there is marked.
    await page
      .getByLabel("Next prompt")
      .getByRole("textbox")
      .fill('Add the line "# more" to the file Makefile without asking');
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator('[data-file="Makefile"]').getByText("runs on your machine").waitFor();
    await page.getByText("One file runs something on your machine").waitFor();
    assertNoTrouble(page);
  });

  test("a task that is started before the agents are known starts when they are; stop takes effect immediately, and another prompt continues", async (t) => {
    const page = await app.open(t);
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    t.after(() => release());
    await page.route(/\/listAgents/, async (route) => {
      await held;
      await route.continue();
    });
    // The app that runs knows them.
    await page.goto("about:blank");
    await openTasks(page, studio);
    const sample = page.getByRole("button", { name: "Use the sample repository" });
    const open = page.getByRole("button", { name: "New task" });
    await open.or(sample).first().waitFor();
    if (await open.isVisible()) await open.click();
    await sample.click();
    await page.getByLabel("Describe the task").fill("slowly add a line to the README without asking");
    await page.getByRole("button", { name: "Start task" }).click();
    await page.getByRole("button", { name: "Starting…" }).waitFor();
    release();
    await page.waitForURL(/\/tasks\/./);
    await page.getByText("Counting slowly.").first().waitFor();
    const shown = await watchForText(page, "Stopping…");
    await page.getByRole("button", { name: "Stop" }).click();
    await waitForStatus(page, "stopped");
    // The page shows it before the server confirms; another test checks that the server acts within a second.
    assert.ok(await shown(), "the page did not say that it stops");
    const line = randomText("After the stop");
    await page
      .getByLabel("Next prompt")
      .getByRole("textbox")
      .fill(`Add the line "${line}" to the README without asking`);
    await page.getByRole("button", { name: "Send" }).click();
    await waitForStatus(page, "idle");
    await page.locator(".file-diffs .diff-added .diff-code", { hasText: line }).waitFor();
    assertNoTrouble(page);
  });

  test("output of an agent is rendered as text, and a denied question changes nothing", async (t) => {
    const page = await app.open(t);
    await openTasks(page, studio);
    await startTask(page, {
      prompt: 'Add the line "<img src=x onerror=alert(1)>" to the README',
    });
    await approvalCard(page).waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    await approvalCard(page).locator('[data-kind="reject_once"]').click();
    await waitForStatus(page, "idle");
    await page.locator('[data-approval-state="denied"]').waitFor();
    await page.getByText("The agent changed no files.").waitFor();
    assert.equal(await page.locator("main img").count(), 0);
    assertNoTrouble(page);
  });
});
