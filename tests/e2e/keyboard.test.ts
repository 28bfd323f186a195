import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { missing, SharedPage } from "./support/browser.ts";
import { approvalCard, signIn, waitForStatus } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

/** What has the focus, as a person would name it. */
function focused(page: Page): Promise<string> {
  return page.evaluate<string>(`(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return "";
    const label = element.labels?.[0]?.textContent ?? "";
    return (element.getAttribute("aria-label") ?? (label || element.textContent) ?? "").trim();
  })()`);
}

/** Presses Tab until the focus is on something with this name; it fails when that is not near. */
async function tabTo(page: Page, name: RegExp, limit = 40): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < limit; presses += 1) {
    await page.keyboard.press("Tab");
    const label = await focused(page);
    if (name.test(label)) {
      const visible = await page.evaluate<boolean>('document.activeElement.matches(":focus-visible")');
      assert.ok(visible, `the focus on ${label} is visible`);
      return;
    }
    passed.push(label.slice(0, 40));
  }
  assert.fail(`Tab does not reach ${name}; it passed: ${passed.join(" | ")}`);
}

describe("the keyboard alone", { skip: absent ?? false }, () => {
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

  test("is enough from the first page to the applied branch", async (t) => {
    const page = await pages.open(t);
    await signIn(page, studio);
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "Skip to content");
    await page.keyboard.press("Enter");
    // The form comes with the list of tasks, and the agents with theirs.
    await page.getByRole("button", { name: "Use the sample repository" }).waitFor();
    await tabTo(page, /Use the sample repository/);
    await page.keyboard.press("Enter");
    await page.locator('.agent-choice input[value="demo"]').waitFor({ state: "attached" });
    await tabTo(page, /demo/i);
    await page.keyboard.press("Space");
    await tabTo(page, /Describe the task/);
    // In the place of the prompt that comes with the sample repository.
    await page.keyboard.press("Control+A");
    await page.keyboard.type("Add a line to the README");
    await page.keyboard.press("Control+Enter");
    await page.waitForURL(/\/tasks\/./);

    // The approval takes the focus, since the user was not typing; its options follow.
    await approvalCard(page).waitFor();
    await page.locator("[data-approval]:focus").waitFor();
    await tabTo(page, /allow/i, 5);
    await page.keyboard.press("Enter");
    await waitForStatus(page, "idle");
    await page.locator('[data-file="README.md"]').waitFor();
    await page.getByRole("button", { name: "Apply to branch" }).waitFor();
    await tabTo(page, /Apply to branch/);
    await page.keyboard.press("Enter");
    await page.getByTestId("applied").waitFor();

    // A question is announced, and so is the end.
    await page.locator('[role="status"]', { hasText: "Applied to branch" }).waitFor({ state: "attached" });
  });

  test("moves between the tabs of a narrow page with the arrow keys", async (t) => {
    const page = await pages.open(t, { width: 400, height: 860 });
    await signIn(page, studio);
    await page.locator(".task-row-title").first().focus();
    await page.keyboard.press("Enter");
    await page.getByRole("tab", { name: "Conversation" }).waitFor();
    await tabTo(page, /^Conversation/);
    await page.keyboard.press("ArrowRight");
    assert.match(await focused(page), /^Changes/);
    await page.getByRole("tabpanel", { name: "Changes" }).waitFor();
  });

  test("g and a letter lead to a screen, but not while somebody types", async (t) => {
    const page = await pages.open(t);
    await signIn(page, studio);
    const prompt = page.getByRole("textbox", { name: "Describe the task" });
    await prompt.fill("");
    await prompt.press("g");
    await prompt.press("u");
    assert.equal(await prompt.inputValue(), "gu");
    await prompt.fill("");
    await page.getByRole("heading", { name: "Tasks", exact: true }).click();
    await page.evaluate("document.activeElement.blur()");
    for (const [key, heading] of [
      ["u", "Usage"],
      ["r", "Repositories"],
      ["i", "Inbox"],
      ["h", "System"],
    ] as const) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await page.getByRole("heading", { name: heading, exact: true }).waitFor();
    }
    const groups = await page.getByRole("navigation", { name: "Main" }).getByRole("group").count();
    assert.equal(groups, 3);
    await page.keyboard.press("Control+k");
    const option = page.getByRole("option", { name: "Usage" });
    assert.equal((await option.textContent())?.replaceAll(" ", ""), "UsageGU");
  });
});
