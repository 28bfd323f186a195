import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { type Cleanup, missing, type PageOptions, SharedPage } from "./support/browser.ts";
import { keepScreenshot, openSignedIn, startTask, waitForStatus } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();
const password = "correct horse battery";

/** Creates an invitation on the page People and returns its link. */
async function invite(page: Page, role: string, email = ""): Promise<string> {
  await page.getByRole("link", { name: "People" }).click();
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Role", { exact: true }).selectOption({ label: role });
  await page.getByRole("button", { name: "Create invitation" }).click();
  return await page.getByRole("group", { name: "Link of the invitation" }).locator("code").innerText();
}

/** Opens an invitation and signs up. */
async function join(page: Page, link: string, name: string, email?: string): Promise<void> {
  await page.goto(link);
  await page.getByRole("heading", { name: "Join Holdfast" }).waitFor();
  await page.getByLabel("Name").fill(name);
  if (email !== undefined) await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Create account and join" }).click();
  await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
}

/** Waits until the head of the task says whose it is. */
async function owned(page: Page, by: string): Promise<void> {
  await page.locator(".task-owner", { hasText: `Owned by ${by}` }).waitFor();
}

describe("two people", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  /** Browsers of different people, which each case has for others. */
  let browsers: readonly SharedPage[];

  before(async () => {
    browser = await launchChromium();
    browsers = Array.from({ length: 3 }, () => new SharedPage(browser));
    studio = await StudioProcess.create({ args: ["--people"] });
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  /** One of those pages, of a browser in which nobody is signed in. */
  async function open(t: Cleanup, index: 0 | 1 | 2, options?: Omit<PageOptions, "state">): Promise<Page> {
    const page = await (browsers[index] as SharedPage).open(t, options);
    await page.context().clearCookies();
    return page;
  }

  async function openOperator(t: Cleanup): Promise<Page> {
    const page = await open(t, 0);
    await openSignedIn(page, studio, "/people");
    return page;
  }

  test("join by invitations, work with their roles, and one is removed while their task runs", async (t) => {
    const operator = await openOperator(t);
    const ada = await open(t, 1);
    await join(ada, await invite(operator, "Owner"), "Ada Lovelace", "ada@example.org");
    // The inspector is the operator's alone.
    await ada.getByRole("link", { name: "Actors" }).waitFor({ state: "detached" });

    const link = await invite(ada, "Viewer", "bob@example.org");
    await assertAccessible(ada, "people");
    await keepScreenshot(ada, "people");
    const bob = await open(t, 2, { width: 390, height: 844, colorScheme: "dark" });
    await bob.goto(link);
    await bob.getByText("Ada Lovelace invites you as viewer").waitFor();
    await assertAccessible(bob, "join");
    await keepScreenshot(bob, "people-join");
    await join(bob, link, "Bob");

    // The navigation scrolls by itself, and the page does not.
    assert.ok((await bob.evaluate<number>("document.documentElement.scrollWidth")) <= 390);

    // A viewer manages nobody.
    await bob.getByRole("link", { name: "People" }).click();
    await bob.locator('[data-member="ada@example.org"]').waitFor();
    assert.equal(await bob.getByRole("button", { name: /^Remove|^Create invitation/ }).count(), 0);

    // Her page follows, without being loaded again.
    await ada.getByLabel("Role of Bob").selectOption("member");
    await ada.locator('[data-member="bob@example.org"] select:not(:disabled)').waitFor();
    await startTask(bob, { prompt: "hang" });
    await waitForStatus(bob, "running");
    const task = bob.url();

    await ada.getByRole("button", { name: "Remove Bob" }).click();
    await ada.getByText("running ones go on").waitFor();
    await ada.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await bob.getByRole("heading", { name: "You are not a member of this organization" }).waitFor();
    await keepScreenshot(bob, "people-removed");

    await ada.goto(task);
    await waitForStatus(ada, "running");
    await ada.getByRole("button", { name: "Stop" }).click();
    await waitForStatus(ada, "stopped");

    await bob.getByRole("button", { name: "Sign out" }).click();
    await bob.getByRole("heading", { name: "Sign in" }).waitFor();
    await assertAccessible(bob, "sign in with a password");
    await keepScreenshot(bob, "people-sign-in");
  });

  test("manage their own account: name, sessions, API tokens", async (t) => {
    const operator = await openOperator(t);
    const page = await open(t, 1);
    await join(page, await invite(operator, "Member"), "Eve", "eve@example.org");
    await page.getByRole("link", { name: "Account" }).click();
    await page.getByText("This browser").waitFor();
    await page.getByLabel("Name").first().fill("Eve M.");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();

    await page.getByLabel("Name").last().fill("Nightly");
    await page.getByRole("button", { name: "Create token" }).click();
    const token = await page.getByRole("group", { name: "API token" }).locator("code").innerText();
    const me = () =>
      fetch(`${studio.url}/people/me`, { headers: { authorization: `Bearer ${token}` } }).then(
        ({ status }) => status,
      );
    assert.equal(await me(), 200);
    // Nothing is half below the bar.
    await page.evaluate("scrollTo(0, 0)");
    await assertAccessible(page, "account");
    await keepScreenshot(page, "people-account");
    await page.getByRole("button", { name: "Done" }).click();
    assert.ok(!(await page.content()).includes(token), "the token is shown once");
    await page.getByRole("button", { name: "Revoke Nightly" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.locator('[data-token="Nightly"]').waitFor({ state: "detached" });
    assert.equal(await me(), 401);

    const other = await open(t, 2);
    await other.goto(studio.url);
    await other.getByLabel("E-mail address").fill("eve@example.org");
    await other.getByLabel("Password").fill(password);
    await other.getByRole("button", { name: "Sign in" }).click();
    await other.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    await page.reload();
    await page.getByRole("button", { name: /^End the session of/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "End session" }).click();
    await other.getByRole("heading", { name: "Sign in" }).waitFor();

    await other.getByRole("link", { name: "Forgot your password?" }).click();
    await other.getByLabel("E-mail address").fill("eve@example.org");
    await assertAccessible(other, "reset a password");
    await other.getByRole("button", { name: "Ask for a link" }).click();
    // There is no mail server.
    await other.getByRole("heading", { name: "Ask an admin for the link" }).waitFor();
    await operator.reload();
    await operator.getByRole("button", { name: "Reset password of Eve M." }).click();
    await operator.getByRole("dialog").getByRole("button", { name: "Create link" }).click();
    const reset = operator.getByRole("group", { name: "Link for Eve M." });
    const link = await reset.locator("code").innerText();
    await assertAccessible(operator, "people with a link");
    await keepScreenshot(operator, "people-reset");
    await other.goto(link);
    await other.getByLabel("New password").fill(`${password} staple`);
    await keepScreenshot(other, "people-new-password");
    await other.getByRole("button", { name: "Change password" }).click();
    await other.getByRole("heading", { name: "Your password is changed" }).waitFor();
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
  });

  test("sign in by a link, which the page asks to use", async (t) => {
    const page = await open(t, 1, { width: 390, height: 844 });
    await page.goto(studio.url);
    await page.getByRole("link", { name: "Sign in by a link" }).click();
    await page.getByLabel("E-mail address").fill("nobody@example.org");
    await assertAccessible(page, "ask for a link");
    await keepScreenshot(page, "sign-in-by-link");
    await page.getByRole("button", { name: "Send me a link" }).click();
    // There is no mail server.
    await page.getByRole("heading", { name: "Ask the operator for the link" }).waitFor();
    await page.goto(`${studio.url}/sign-in#token=used`);
    await page.getByText("You opened the link that was sent to you.").waitFor();
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This link has expired or was already used.").waitFor();
    await assertAccessible(page, "use a link");
  });

  test("hand a task over: an offer is accepted in the inbox, and an admin assigns what a removed member owns", async (t) => {
    const operator = await openOperator(t);
    const mia = await open(t, 1);
    await join(mia, await invite(operator, "Member"), "Mia", "mia@example.org");
    // The link of the first invitation is not shown any more.
    await operator.reload();
    const noa = await open(t, 2, { width: 320, height: 700, colorScheme: "dark" });
    await join(noa, await invite(operator, "Member"), "Noa", "noa@example.org");
    await startTask(mia, { prompt: "hang" });
    await waitForStatus(mia, "running");
    const task = mia.url();
    await owned(mia, "you");
    const offer = async (to: string) => {
      await mia.getByRole("button", { name: "Hand over" }).click();
      await mia.getByRole("dialog").getByLabel("To").selectOption({ label: to });
      await mia.getByRole("dialog").getByRole("button", { name: "Offer" }).click();
      await mia.locator(".task-owner", { hasText: "offered to Noa" }).waitFor();
    };
    await offer("Noa (noa@example.org)");
    await assertAccessible(mia, "a task that is offered");
    await mia.getByRole("button", { name: "Take back" }).click();
    await offer("Noa (noa@example.org)");

    await noa.goto(task.replace(/tasks\/.*$/, "inbox"));
    await noa.getByRole("list", { name: "Entries" }).getByRole("link").click();
    const question = noa.getByRole("region", { name: "Offer of this task" });
    await question.waitFor();
    assert.ok((await noa.evaluate<number>("document.documentElement.scrollWidth")) <= 320);
    await assertAccessible(noa, "an offer in the inbox");
    await keepScreenshot(noa, "people-offer");
    await noa.keyboard.press("a");
    await question.waitFor({ state: "detached" });
    await owned(mia, "Noa");
    assert.equal(await mia.getByRole("button", { name: "Hand over" }).count(), 0);

    await operator.reload();
    await operator.getByRole("button", { name: "Remove Noa" }).click();
    await operator.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await operator.locator('[data-member="noa@example.org"]').waitFor({ state: "detached" });
    await operator.goto(task);
    await operator.getByRole("button", { name: "Assign" }).click();
    await operator.getByRole("dialog").getByLabel("To").selectOption({ label: "Mia (mia@example.org)" });
    await operator.getByRole("dialog").getByRole("button", { name: "Assign" }).click();
    await owned(mia, "you");
    await mia.getByRole("button", { name: "Stop" }).click();
    await waitForStatus(mia, "stopped");
    await mia.goto(task.replace(/tasks\/.*$/, ""));
    await mia.getByLabel("Owners").selectOption({ label: "Mia (1)" });
    await mia.locator(".task-row-person", { hasText: "Mia" }).waitFor();
  });
});
