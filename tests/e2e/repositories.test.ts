/** Connected repositories in the browser: connected with a token, checked, used for a task, and removed. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import { startGitea } from "@holdfast/testing/gitea";
import type { Browser } from "playwright-core";
import { needsSshd, SshServer } from "../../packages/studio/tests/repositories/ssh-server.ts";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage, troubleOf } from "./support/browser.ts";
import { assertFits, keepScreenshot, signIn } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

describe("connected repositories", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  let forge: Awaited<ReturnType<typeof startGitea>>;

  before(async () => {
    browser = await launchChromium();
    studio = await StudioProcess.create();
    forge = await startGitea();
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
    await forge?.close();
  });

  test("are connected, checked, set up with a webhook, used for a task on a pull request, and removed", async (t) => {
    const hosted = await forge.addRepository("team/app");
    await hosted.bare.commit("add-search", { "search.txt": "search\n" }, "Add the search");
    const author = forge.user("ada");
    const body = "The list has no search yet.";
    hosted.addIssue("The footer is broken", author, "It is off by one.", ["bug"]);
    const pull = await hosted.createPullRequest({
      title: "Add the search",
      body,
      head: "add-search",
      base: "main",
      author,
    });

    const page = await openPage(browser, t);
    await signIn(page, studio);
    await page.getByRole("link", { name: "Repositories" }).click();
    await page.getByText("No repository is connected").waitFor();
    await assertAccessible(page, "repositories, none yet");
    await keepScreenshot(page, "repositories-empty");

    // Over SSH, the server is asked for its key first; nothing listens there.
    await page.getByLabel("Address").fill("ssh://git@127.0.0.1:1/team/app.git");
    await page.getByLabel("Paste one").check();
    await page.getByLabel("Private key").waitFor();
    await assertAccessible(page, "a repository over SSH");
    await keepScreenshot(page, "repositories-ssh");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("alert").getByText("does not answer over SSH").waitFor();
    await page.getByLabel("Address").fill(`${forge.url}/team/app`);
    await page.getByLabel("Gitea").check();
    await page.getByLabel("Token").fill("a-wrong-token");
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByRole("alert").getByText("does not accept the credential").waitFor();
    await keepScreenshot(page, "repositories-refused");
    await page.getByLabel("Token").fill(forge.addToken("ada"));
    await page.getByRole("button", { name: "Connect", exact: true }).click();

    await page.getByRole("heading", { name: "team/app" }).waitFor();
    await page.getByText("Up to date").waitFor();
    const row = page.getByRole("button", { name: "Add the search" });
    await row.waitFor();
    await page.getByRole("button", { name: "Check now" }).click();
    await page.getByText("Can be fetched: 2 branches.").waitFor();
    await page.getByRole("button", { name: "Set up webhook" }).click();
    await page.getByText("The webhook is set up at the forge").waitFor();
    assert.deepEqual(hosted.hooks.length, 1);
    await assertAccessible(page, "a repository");
    await keepScreenshot(page, "repository");

    // What waits at the forge is on the board before there is a task.
    await page.getByRole("link", { name: "Tasks", exact: true }).click();
    await page.getByRole("button", { name: "Board" }).click();
    const waiting = page.getByRole("region", { name: "To start" });
    await waiting.getByRole("button", { name: "Add the search" }).waitFor();
    await waiting.getByRole("button", { name: "The footer is broken" }).waitFor();
    await page.getByRole("button", { name: "List", exact: true }).click();
    await page.getByText("No tasks yet").waitFor();
    await page.getByRole("link", { name: "Repositories" }).click();
    await page.getByRole("link", { name: "team/app" }).click();

    await row.click();
    await page.getByText("The task starts from what was pushed last.").waitFor();
    assert.equal(await page.getByLabel("Repository").inputValue(), "team/app");
    assert.equal(await page.getByLabel("Branch").inputValue(), "add-search");
    assert.ok((await page.getByLabel("Describe the task").inputValue()).endsWith(body));
    await keepScreenshot(page, "repository-new-task");
    await page.getByRole("button", { name: "Start task" }).click();
    await page.waitForURL(/\/tasks\//);

    // Then without what a task was started on.
    await page.getByRole("link", { name: "Tasks", exact: true }).click();
    await page.getByRole("button", { name: "Board" }).click();
    const card = waiting.getByRole("button", { name: "The footer is broken" });
    await card.waitFor();
    await waiting.getByRole("button", { name: "Add the search" }).waitFor({ state: "detached" });
    assert.equal(await waiting.locator("[data-task]").count(), 1);
    await assertAccessible(page, "board with an issue");
    await keepScreenshot(page, "board-issues");
    await page.getByLabel("To start", { exact: true }).selectOption("pull-request");
    await card.waitFor({ state: "detached" });
    await page.getByLabel("To start", { exact: true }).selectOption("");
    await card.click();
    await page.getByText("The task starts from what was pushed last.").waitFor();
    assert.ok((await page.getByLabel("Describe the task").inputValue()).endsWith("It is off by one."));

    // A review that is requested from the account of the person who is here.
    const [hook] = hosted.hooks;
    assert.ok(hook !== undefined);
    forge.sendWebhooksTo(hook.url, hook.secret);
    hosted.updatePullRequest(pull, { reviewers: ["grace"] });
    await page.goto(`${studio.url}/settings/notifications`);
    await page.getByLabel("Name of your account there").fill("grace");
    await page.getByRole("button", { name: "Link account" }).click();
    await page.locator('[data-account="grace"]').waitFor();
    await assertAccessible(page, "notifications with an account");
    await keepScreenshot(page, "notifications-account");
    await page.goto(`${studio.url}/inbox`);
    const entry = page.locator('[data-entry$=".review"]');
    await entry.getByText("ada asks for your review").waitFor();
    await entry.getByRole("link").click();
    await page.getByRole("link", { name: "Open the pull request" }).waitFor();
    await assertAccessible(page, "inbox with a review");
    await keepScreenshot(page, "inbox-review");
    hosted.review(pull, forge.user("grace"));
    await entry.waitFor({ state: "detached" });

    await page.getByRole("link", { name: "Repositories" }).click();
    await page.getByRole("link", { name: "team/app" }).click();
    await page.getByRole("button", { name: "Remove" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await page.getByText("No repository is connected").waitFor();
    // The browser reports the refused connections too.
    const trouble = troubleOf(page).filter((text) => !/status of (?:40[01]|503)/.test(text));
    assert.deepEqual(trouble, []);
  });

  test("over SSH, a server is confirmed by its fingerprint, and refuses until it has the key", {
    skip: needsSshd,
  }, async (t) => {
    const server = await SshServer.start(t);
    const page = await openPage(browser, t);
    await signIn(page, studio);
    await page.getByRole("link", { name: "Repositories" }).click();
    await page.getByLabel("Address").fill(server.url);
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText(/127\.0\.0\.1 shows a key with this fingerprint/).waitFor();
    assert.equal(await page.locator(".ssh-fingerprint").textContent(), server.fingerprint);
    const connect = page.getByRole("button", { name: "Connect", exact: true });
    assert.ok(await connect.isDisabled(), "the fingerprint was not confirmed");
    await page.getByLabel("The fingerprint is what").check();
    await assertAccessible(page, "the key of a server");
    await keepScreenshot(page, "repositories-ssh-key");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 320, height: 800 });
    await assertFits(page, "the key of a server");
    await assertAccessible(page, "the key of a server, dark");
    await keepScreenshot(page, "repositories-ssh-key-320-dark");
    await page.setViewportSize({ width: 1280, height: 900 });

    await connect.click();
    await page.getByRole("alert").getByText("does not accept").waitFor();
    server.allow(await page.getByRole("textbox", { name: "Deploy key" }).inputValue());
    await connect.click();
    await page.getByRole("heading", { name: /app$/ }).waitFor();
    await page.getByText("Up to date").waitFor();
    const trouble = troubleOf(page).filter((text) => !/status of 40[13]/.test(text));
    assert.deepEqual(trouble, []);
  });
});
