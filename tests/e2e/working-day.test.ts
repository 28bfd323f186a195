/**
 * A working day of two people with the demo team. The server, and the forge with it, is killed ten times on the way; in
 * the evening the figures on the screens are those of the stores.
 */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { missing, openPage, troubleOf } from "./support/browser.ts";
import { approvalCard, keepScreenshot, waitForStatus } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";
import { assertInvoice, assertSameFigures, forgeOf } from "./support/working-day.ts";

/** What browsers report of such a day: the style of the terminal, and answers of a task whose jail is away. */
const expected = /Applying inline style violates|status of 409/;

/** Checks run one after the other, and begin anew with each start of the server. */
const checked = { timeout: 120_000 };

describe("a working day of two people", { skip: missing() ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  let kills = 0;

  before(async () => {
    browser = await launchChromium();
    studio = await StudioProcess.create({ args: ["--demo-team"] });
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  /** Names the part of the day in which something went wrong. */
  async function step(name: string, work: () => Promise<void>): Promise<void> {
    await work().catch((cause: unknown) => {
      throw new Error(`${name}: ${cause}\n${studio.log}`, { cause });
    });
  }

  /** As a power cut does. The pages notice, and find the server again by themselves. */
  async function kill(...pages: readonly Page[]): Promise<void> {
    kills += 1;
    await studio.kill();
    const banners = pages.map((page) => page.getByTestId("offline-banner"));
    for (const banner of banners) await banner.waitFor();
    await studio.start();
    for (const banner of banners) await banner.waitFor({ state: "detached" });
  }

  async function signInAs(
    t: TestContext,
    name: string,
    options: Parameters<typeof openPage>[2],
  ): Promise<Page> {
    const page = await openPage(browser, t, options);
    await page.goto(studio.url);
    await page.getByRole("button", { name: `Sign in as ${name}` }).click();
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    return page;
  }

  test("from sign-in to the archive, killed ten times", async (t) => {
    const ada = await signInAs(t, "Ada Lovelace", { width: 1600, height: 1000 });
    const grace = await signInAs(t, "Grace Hopper", { width: 390, height: 844, colorScheme: "dark" });
    await kill(ada, grace);

    /**
     * Returns the id of the question that the agent asks in place of the one that ended with the server: until then,
     * pages may still show that one, and an answer to it is refused.
     */
    async function killWhileItAsks(): Promise<string> {
      await waitForStatus(ada, "waiting");
      const ended = await approvalCard(ada).getAttribute("data-approval");
      await kill(ada, grace);
      const next = ada.locator(`[data-approval]:not([data-approval="${ended}"])`);
      await next.waitFor(checked);
      return (await next.getAttribute("data-approval")) ?? "";
    }

    await step("an invitation outlives the server", async () => {
      await ada.getByRole("link", { name: "People" }).click();
      await ada.getByLabel("E-mail address").fill("lin@harbor.example");
      await ada.getByLabel("Role", { exact: true }).selectOption({ label: "Viewer" });
      await ada.getByRole("button", { name: "Create invitation" }).click();
      const shown = ada.getByRole("group", { name: "Link of the invitation" }).locator("code");
      const link = await shown.innerText();
      await kill(ada, grace);
      const lin = await openPage(browser, t);
      await lin.goto(link);
      await lin.getByText("Ada Lovelace invites you as viewer").waitFor();
      await lin.close();
    });

    await step("a plan is chosen and paid", async () => {
      await ada.getByRole("link", { name: "Settings", exact: true }).click();
      await ada.getByRole("link", { name: "Billing", exact: true }).click();
      await ada.locator('[data-notice="demo"]').getByText("no money moves").waitFor();
      await ada.getByRole("button", { name: "Choose Crew" }).click();
      await ada.getByRole("button", { name: "Pay", exact: true }).click();
      await ada.getByRole("heading", { name: "Plan: Crew" }).waitFor();
    });

    await step("a repository is removed and connected by hand", async () => {
      await ada.getByRole("link", { name: "Repositories" }).click();
      await ada.getByRole("link", { name: "harbor/lighthouse" }).click();
      await ada.getByRole("button", { name: "Remove", exact: true }).click();
      await ada.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
      await ada.getByRole("button", { name: "Connect a repository" }).click();
      const forge = await forgeOf(studio);
      await ada.getByLabel("Address").fill(`${forge.url}/harbor/lighthouse`);
      await ada.getByLabel("GitHub", { exact: true }).check();
      await ada.getByLabel("Token", { exact: true }).fill(forge.tokenOf("ada"));
      await ada.getByRole("button", { name: "Connect", exact: true }).click();
      await ada.getByRole("heading", { name: "harbor/lighthouse" }).waitFor();
      await kill(ada, grace);
      await ada.getByText("Up to date").waitFor();
      await ada.getByRole("button", { name: "Say in the README how long a flash is" }).waitFor();
      await ada.getByRole("button", { name: "Set up webhook" }).click();
      await ada.getByText("The webhook is set up at the forge").waitFor();
    });

    await step("a task prepares its environment, and its question is answered on a phone", async () => {
      await ada.getByRole("link", { name: "Tasks", exact: true }).click();
      await ada.getByRole("button", { name: "Show durations of a day and more in days." }).click();
      await ada.getByText("Connected. The task starts from what was pushed last.").waitFor();
      await ada.getByRole("button", { name: "Start task" }).click();
      await ada.waitForURL(/\/tasks\/./);
      await kill(ada, grace);
      const asked = await killWhileItAsks();
      await grace.getByRole("link", { name: /^Inbox/ }).click();
      await grace.getByRole("tab", { name: "Approvals" }).click();
      const question = grace.locator(`[data-approval="${asked}"]`);
      await question.getByText("src/duration.ts").first().waitFor();
      await keepScreenshot(grace, "working-day-phone");
      await question.getByRole("button", { name: "Allow once" }).click();
      await waitForStatus(ada, "idle");
      await ada.getByText("are shown in days, with a test").waitFor();
    });

    await step("the tests pass in a terminal", async () => {
      await ada.getByRole("tab", { name: "Workspace" }).click();
      const terminal = ada.getByRole("region", { name: "Terminal", exact: true });
      await ada.getByRole("button", { name: "New terminal" }).click();
      await terminal.getByText("Connected").waitFor();
      await terminal.locator(".xterm-helper-textarea").focus();
      await ada.keyboard.type("node --test\n");
      await terminal
        .getByText(/fail 0/)
        .first()
        .waitFor();
      await ada.getByRole("tab", { name: "Conversation and changes" }).click();
    });

    await step("a comment of the review goes to the agent once", async () => {
      const file = ada.getByRole("group", { name: "README.md", exact: true });
      const source = ada.getByRole("group", { name: "src/duration.ts", exact: true });
      await source.locator('.line-button[data-side="new"][data-line="4"]').click();
      await ada
        .getByRole("textbox", { name: "New comment on line 4" })
        .fill('Please add the line "Days have 24 hours." to README.md without asking');
      await ada.getByRole("button", { name: "Save comment" }).click();
      await source.locator(".comment").waitFor();
      await kill(ada, grace);
      await ada.getByRole("button", { name: "Send 1 comment to the agent" }).click();
      await file.getByText("Days have 24 hours.").waitFor();
      await waitForStatus(ada, "idle");
    });

    const panel = ada.getByRole("region", { name: "Pull request" });
    await step("it is published; CI fails, and Grace has a comment", async () => {
      await ada.getByRole("button", { name: "Publish…" }).click();
      await ada.getByLabel("Title").press("Control+Enter");
      await panel.getByText(/Pushing to|Opening the pull request/).waitFor();
      await kill(ada, grace);
      await panel.getByRole("link", { name: /#3/ }).waitFor();
      // While the checks run, or just after.
      await kill(ada, grace);
      await panel.getByText("Checks failed").waitFor(checked);
      await panel.getByText("A day and five minutes has two spaces now").waitFor(checked);
    });

    await step("the review is addressed, and passes", async () => {
      await panel.getByRole("button", { name: "Address the review (2)" }).click();
      const asked = await killWhileItAsks();
      await ada.locator(`[data-approval="${asked}"]`).getByRole("button", { name: "Allow once" }).click();
      await waitForStatus(ada, "idle");
      await panel.getByRole("button", { name: "Push changes" }).click();
      await panel.getByText("All checks passed").waitFor(checked);
    });

    await step("it is merged and archived", async () => {
      await panel.getByRole("button", { name: "Merge…" }).click();
      await ada.getByRole("dialog").getByRole("button", { name: "Merge", exact: true }).click();
      await panel.getByText("Merged into main.").waitFor();
      await kill(ada, grace);
      await panel.getByRole("button", { name: "Archive task" }).click();
      await panel.getByRole("button", { name: "Archived" }).waitFor();
      const forge = await forgeOf(studio);
      assert.match(
        await forge.file("harbor/tides", "main", "src/duration.ts"),
        /Parts that are zero are left out/,
      );
    });

    assert.equal(kills, 10);
    await assertSameFigures(studio, { ada, grace });
    await step("the invoice has the seats and the use of the stores", () => assertInvoice(studio, ada));
    for (const page of [ada, grace])
      assert.deepEqual(
        troubleOf(page).filter((text) => !expected.test(text)),
        [],
      );
  });
});
