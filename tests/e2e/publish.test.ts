/** A task from the browser to the merge of its pull request, with a forge whose CI fails once. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { connectWithCookie, createStudioClient } from "../../packages/studio/src/index.ts";
import { environmentFile } from "../../packages/studio/tests/environments/support.ts";
import { cloneOf, openFork } from "../../packages/studio/tests/publish/support.ts";
import {
  type ForgeUnderTest,
  forges,
  Summaries,
  storeSecrets,
  webhookSecret,
} from "../../packages/studio/tests/repositories/support.ts";
import { logIn } from "../../packages/studio/tests/support.ts";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage, troubleOf } from "./support/browser.ts";
import { assertFits, keepScreenshot, signIn, startTask, waitForStatus } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

/** Connects the repository with its webhooks. Returns its id. */
async function connect(t: TestContext, studio: StudioProcess, forge: ForgeUnderTest): Promise<string> {
  await storeSecrets(join(studio.directory, "data"), forge);
  const ticket = new URL(await studio.link()).hash.slice("#ticket=".length);
  const base = connectWithCookie(studio.url, await logIn(studio.url, ticket));
  const client = createStudioClient(base);
  const summaries = await Summaries.watch(t, client);
  const { id } = await client.organization.connectRepository(forge.source);
  await summaries.until(
    (summary) => summary.id === id && summary.status === "synced" && summary.mirror?.status === "ready",
  );
  // Each case has a repository with this name, at a forge of its own; those of earlier cases stay connected.
  t.after(() => base.dispose());
  forge.emulator.sendWebhooksTo(`${studio.url}/forges/${id}`, webhookSecret);
  return id;
}

describe("a task that is published", { skip: missing() ?? false }, () => {
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

  test("becomes a pull request; its CI fails, the agent addresses the review, and it is merged", async (t) => {
    const forge = await (forges["GitHub"] as (typeof forges)[string])(t);
    const { repository } = forge;
    await connect(t, studio, forge);
    const page = await openPage(browser, t, { width: 1600, height: 1000 });
    await signIn(page, studio);
    const prompt = 'write "one" to one.txt without asking';
    await startTask(page, { repository: cloneOf(t, forge), prompt });
    await waitForStatus(page, "idle");
    await page.getByRole("button", { name: "Publish…" }).click();
    await page.getByLabel("Title").fill("Add one");
    // The native list of the browser completes the last name.
    const reviewers = page.getByLabel("Reviewers");
    await page.locator("datalist option[value='grace']").first().waitFor({ state: "attached" });
    await reviewers.fill("grace");
    await page.getByLabel("Labels").fill("bug");
    await page.getByLabel("Open as a draft").check();
    await assertAccessible(page, "form of a pull request");
    await keepScreenshot(page, "publish-form");
    await page.keyboard.press("Control+Enter");

    const panel = page.getByRole("region", { name: "Pull request" });
    await panel.getByRole("link", { name: "Add one #1" }).waitFor();
    const hosted = repository.pullRequests.get(1);
    assert.ok(hosted !== undefined);
    assert.deepEqual([hosted.draft, hosted.reviewers, hosted.labels], [true, ["grace"], ["bug"]]);
    await panel.getByRole("button", { name: "Ready for review" }).click();
    await panel.getByRole("button", { name: "Merge…" }).waitFor();
    assert.equal(hosted.draft, false);
    const pushed = hosted.headCommit;
    repository.setCheck("test", pushed, "failure");
    const grace = { id: 2, login: "grace" };
    const comment = { number: 1, author: grace, path: "one.txt", line: 1, commit: pushed };
    repository.addComment({ ...comment, body: "Is one enough?" });
    await panel.getByText("Checks failed").waitFor();
    await panel.getByText("Is one enough?").waitFor();
    await assertAccessible(page, "pull request whose check failed");
    await keepScreenshot(page, "publish-failed-check");
    await panel.getByRole("button", { name: "Address the review (2)" }).click();
    await page.getByRole("button", { name: "Allow once" }).click();
    await waitForStatus(page, "idle");

    await panel.getByRole("button", { name: "Push changes" }).click();
    await panel.getByText("Checks failed").waitFor({ state: "hidden" });
    assert.notEqual(hosted.headCommit, pushed);
    repository.setCheck("test", hosted.headCommit, "success");
    await panel.getByText("All checks passed").waitFor();
    assert.match(await studio.holdfast("tasks", "list"), /write "one"/);
    const [taskId = ""] = page.url().split("/").slice(-1);
    assert.match(
      await studio.holdfast("tasks", "show", taskId),
      /Pull request #1 \(open, checks: success\): http/,
    );

    const above = await stackTask(page, hosted.head);
    await panel.getByRole("button", { name: "Merge…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Merge", exact: true }).click();
    await panel.getByText("Merged into main.").waitFor();
    assert.equal(await repository.bare.git(["show", "main:one.txt"]), "one");
    await assertAccessible(page, "merged pull request");
    await panel.getByRole("button", { name: "Archive task" }).click();
    await panel.getByRole("button", { name: "Archived" }).waitFor();
    // The task above follows to the branch that was merged into.
    await page.goto(above);
    await panel.locator(".pull-meta").getByText("main", { exact: true }).waitFor();
    await stack(page).waitFor({ state: "detached" });
    const { headCommit = "" } = repository.pullRequests.get(2) ?? {};
    assert.equal(await repository.bare.git(["diff", "--name-only", "main", headCommit]), "two.txt");
    assert.deepEqual(troubleOf(page), []);
  });

  test("starts from the pull request of a fork, whose environment asks for secrets", async (t) => {
    const forge = await (forges["GitHub"] as (typeof forges)[string])(t);
    const environment = `
network: [{host: packages.example.com, secret: packages}]
setup: [{name: look, run: "touch seen.txt"}]
`;
    const files = { [environmentFile]: environment, ".gitignore": "seen.txt\n" };
    const { pull } = await openFork(forge, files, false);
    const id = await connect(t, studio, forge);
    const page = await openPage(browser, t);
    await signIn(page, studio);
    await page.goto(`${studio.url}/repositories/${id}`);
    await page.getByRole("button", { name: "Fix it" }).click();
    await page.getByText("The task starts from what was pushed last.").waitFor();
    await page.getByLabel("Describe the task").fill('write "one" to one.txt without asking');
    await page.getByRole("button", { name: "Start task" }).click();

    const banner = page.getByRole("region", { name: "Secrets of the repository" });
    await banner
      .getByText(/is from the fork eve\/app, and its environment asks for the secret packages/)
      .waitFor();
    const link = banner.getByRole("link", { name: `Changes of #${pull.number}` });
    assert.ok((await link.getAttribute("href"))?.endsWith(`/pull/${pull.number}`));
    assert.equal(await page.getByText("Send another prompt to try again").count(), 0);
    await assertAccessible(page, "a task that waits for an answer about secrets");
    await keepScreenshot(page, "fork-secrets");
    await banner.getByRole("button", { name: "Allow secrets…" }).click();
    await page.getByRole("dialog").getByText("The setup of eve/app can use the secrets").waitFor();
    await assertAccessible(page, "the question about secrets of a fork");
    await page.keyboard.press("Escape");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 320, height: 800 });
    await assertFits(page, "a task on a fork");
    await assertAccessible(page, "a task on a fork, dark");
    await keepScreenshot(page, "fork-secrets-320-dark");
    await page.setViewportSize({ width: 1280, height: 900 });
    await banner.getByRole("button", { name: "Start without secrets" }).click();
    await waitForStatus(page, "idle");
    await banner.waitFor({ state: "detached" });
    assert.deepEqual(troubleOf(page), []);
  });
});

const stack = (page: Page) => page.getByRole("navigation", { name: "Stack" });

/** Starts and publishes a task on top of the one that is shown, and comes back. Returns its address. */
async function stackTask(page: Page, below: string): Promise<string> {
  await page.getByRole("button", { name: "Stack a task" }).click();
  await page.getByText("On top of “write").waitFor();
  await page.getByLabel("Describe the task").fill('write "two" to two.txt without asking');
  await keepScreenshot(page, "stack-form");
  await page.getByRole("button", { name: "Start task" }).click();
  await stack(page).waitFor();
  await waitForStatus(page, "idle");
  await page.getByRole("button", { name: "Publish…" }).click();
  assert.equal(await page.getByLabel("Merge into").inputValue(), below);
  await page.getByLabel("Title").press("Control+Enter");
  await page.getByRole("region", { name: "Pull request" }).getByText("#2").waitFor();
  await assertAccessible(page, "task in a stack");
  await keepScreenshot(page, "stack");
  const address = page.url();
  await stack(page).getByRole("link").click();
  await stack(page).getByRole("link", { name: /two/ }).waitFor();
  return address;
}
