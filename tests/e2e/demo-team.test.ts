/** A new user with the demo team: from sign-in to a merged pull request, and a second start that goes on. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage, troubleOf } from "./support/browser.ts";
import { allowUntilIdle, keepScreenshot, waitForStatus } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

/** Those of a person from sign-in to merge. */
const maxClicks = 12;
const countClicks = `addEventListener("click", () => {
  sessionStorage.setItem("clicks", String(1 + Number(sessionStorage.getItem("clicks") ?? 0)));
}, true);`;

/** Checks run one after the other, those of the first pull requests too. */
const checked = { timeout: 120_000 };

describe("the demo team", { skip: missing() ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;

  before(async () => {
    browser = await launchChromium();
    studio = await StudioProcess.create({ args: ["--demo-team"] });
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  test("takes a new user from sign-in to a merged pull request", async (t) => {
    const page = await openPage(browser, t, { width: 1600, height: 1000 });
    await page.addInitScript(countClicks);
    const startedAt = performance.now();
    await page.goto(studio.url);
    const ada = page.getByRole("button", { name: "Sign in as Ada Lovelace (owner)" });
    await ada.waitFor();
    await assertAccessible(page, "sign-in of the demo team");
    await keepScreenshot(page, "demo-team-sign-in");
    await ada.click();

    await page.getByRole("button", { name: "Show durations of a day and more in days." }).click();
    await page.getByText("Connected. The task starts from what was pushed last.").waitFor();
    await assertAccessible(page, "suggestion of the demo team");
    await keepScreenshot(page, "demo-team-suggestion");
    await page.getByRole("button", { name: "Start task" }).click();
    // The environment of the repository is prepared first.
    await waitForStatus(page, "waiting");
    await page.getByRole("button", { name: "Allow once" }).click();
    await waitForStatus(page, "idle");
    await page.getByText("are shown in days, with a test").waitFor();

    await page.getByRole("button", { name: "Publish…" }).click();
    await page.getByLabel("Title").press("Control+Enter");
    const panel = page.getByRole("region", { name: "Pull request" });
    await panel.getByText("Checks failed").waitFor(checked);
    await panel.getByText("A day and five minutes has two spaces now").waitFor(checked);
    await keepScreenshot(page, "demo-team-review");
    const forge = await openPage(browser, t);
    await forge.goto((await panel.getByRole("link", { name: /durations/ }).getAttribute("href")) ?? "");
    await forge.getByText("the exported function has no doc comment").waitFor({ state: "detached" });
    await assertAccessible(forge, "pull request at the demo team's forge");
    await keepScreenshot(forge, "demo-team-forge");
    await forge.getByRole("link", { name: "style" }).click();
    await forge.getByText("the exported function has no doc comment").waitFor();

    await panel.getByRole("button", { name: /^Address the review/ }).click();
    await waitForStatus(page, "running");
    await allowUntilIdle(page);
    await page.getByText("Both checks pass now.").waitFor();
    await panel.getByRole("button", { name: "Push changes" }).click();
    await panel.getByText("All checks passed").waitFor(checked);
    await panel.getByRole("button", { name: "Merge…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Merge", exact: true }).click();
    await panel.getByText("Merged into main.").waitFor();
    await keepScreenshot(page, "demo-team-merged");
    // Whoever reads nothing gets there by the button that stands out.
    const clicks = Number(await page.evaluate('sessionStorage.getItem("clicks")'));
    t.diagnostic(`${clicks} clicks, ${Math.round((performance.now() - startedAt) / 1_000)} s`);
    assert.ok(clicks <= maxClicks, `${clicks} clicks from sign-in to merge`);
    assert.deepEqual(troubleOf(page), []);
  });
});
