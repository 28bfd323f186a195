import assert from "node:assert/strict";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { Browser, Page } from "playwright-core";
import { modelEnvironment, startModel } from "../../packages/studio/tests/usage/support.ts";
import { assertAccessibleInThemes } from "./support/axe.ts";
import { missing, SharedPage } from "./support/browser.ts";
import {
  assertFits,
  assertNoTrouble,
  keepScreenshot,
  signIn,
  startTask,
  waitForStatus,
} from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

async function openUsage(page: Page): Promise<void> {
  await page.getByRole("link", { name: "Usage", exact: true }).click();
  await page.getByRole("heading", { name: "Usage", exact: true }).waitFor();
}

function fact(page: Page, name: string) {
  return page.locator(`[data-fact="${name}"] dd`);
}

describe("usage", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  let pages: SharedPage;
  let closeModel: (() => unknown) | undefined;

  before(async () => {
    browser = await launchChromium();
    pages = new SharedPage(browser);
    const model = await startModel({
      after(end) {
        closeModel = end;
      },
    });
    const folder = await mkdtemp(join(tmpdir(), "holdfast-model-"));
    removeAtExit(folder);
    studio = await StudioProcess.create({ environment: modelEnvironment(folder, model) });
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
    closeModel?.();
  });

  test("shows what a task cost, by what it was used, and the bounds of it", async (t) => {
    const page = await pages.open(t);
    await signIn(page, studio);
    await openUsage(page);
    await page.getByText("Nothing was used in these days").waitFor();
    await startTask(page, {
      agent: "gemini",
      prompt: "call gemini-2.5-pro 160000 50000; call house-model 1000 100",
    });
    await waitForStatus(page, "idle");
    await page.getByTestId("cost").getByText("$0.70 + unknown").click();
    await page.locator('[data-usage="gemini-2.5-pro"]').waitFor();
    assert.equal(await fact(page, "Cost").textContent(), "$0.70 + unknown");
    await page.locator('[data-usage="house-model"]').getByText("unknown").waitFor();
    await page.getByRole("button", { name: "Show all again" }).click();
    await page.getByLabel("Group by").selectOption("person");
    await page.getByRole("button", { name: "Operator" }).click();
    await page.locator("[data-usage] time").waitFor();

    await page.getByRole("tab", { name: /Prices/ }).click();
    const unpriced = page.locator('[data-unpriced="house-model"]');
    await unpriced.getByRole("button", { name: "Set a price" }).click();
    await page.getByLabel("Input", { exact: true }).fill("100");
    await page.getByLabel("Output", { exact: true }).fill("1000");
    await page.getByRole("button", { name: "Set price" }).click();
    await unpriced.waitFor({ state: "detached" });
    await page.getByRole("tab", { name: "Usage" }).click();
    await fact(page, "Cost").getByText("$0.90", { exact: true }).waitFor();

    await page.getByRole("tab", { name: /Budgets/ }).click();
    await page.getByText("There are no budgets").waitFor();
    await page.getByLabel("US dollars").fill("1");
    await page.getByRole("button", { name: "Set budget" }).click();
    await page.locator("[data-budget]").getByText("$0.90 (90 %), nearly used up").waitFor();
    await page.getByLabel("US dollars").fill("0.50");
    await page.getByLabel("Period").selectOption("day");
    await page.getByRole("button", { name: "Set budget" }).click();
    await page.locator("[data-budget]").getByText("(180 %), used up").waitFor();
    await page.getByRole("link", { name: "Tasks", exact: true }).click();
    await page.getByLabel("Describe the task").fill("call gemini-2.5-pro 1 1");
    await page.getByRole("button", { name: "Use the sample repository" }).click();
    await page.locator('.agent-choice input[value="gemini"]').check();
    await page.getByRole("button", { name: "Start task" }).click();
    await page.getByText("The budget of the organization is used up").waitFor();
    await openUsage(page);
    await page.getByRole("tab", { name: /Budgets/ }).click();
    await page.getByRole("button", { name: "Delete the budget of $0.50 a day" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.locator("[data-budget]").getByText("(180 %), used up").waitFor({ state: "detached" });
    assert.equal(await page.locator("[data-budget]").count(), 1);
    assertNoTrouble(page);
  });

  test("its data can be saved as CSV, and the command line has the same numbers", async (t) => {
    const page = await pages.open(t);
    await signIn(page, studio);
    await openUsage(page);
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "Export CSV" }).click();
    const path = await (await download).path();
    const lines = (await readFile(path, "utf8")).trimEnd().split("\r\n");
    assert.match(lines[0] ?? "", /^day,person,task,/);
    const [line] = lines.filter((each) => each.includes(",gemini-2.5-pro,"));
    assert.match(line ?? "", /,0,1,160000,50000,0,0,700000,0,0$/);
    assert.equal(await studio.holdfast("usage", "--csv"), await readFile(path, "utf8"));
    const report = JSON.parse(await studio.holdfast("usage", "--by", "model", "--json")) as {
      readonly rows: readonly { readonly key: string; readonly costMicros: number }[];
    };
    assert.deepEqual(
      report.rows.map(({ key, costMicros }) => [key, costMicros]),
      [
        ["gemini-2.5-pro", 700_000],
        ["house-model", 200_000],
      ],
    );
    assert.match(await studio.holdfast("budgets"), /Organization: 90 %.*nearly used up/);
    assert.match(await studio.holdfast("prices"), /\* house-model +\$100 in, \$1000 out {2}edited/);
    assertNoTrouble(page);
  });

  test("is accessible and fits the narrowest page", async (t) => {
    const page = await pages.open(t, { width: 320, height: 900 });
    await signIn(page, studio);
    for (const [tab, ready] of [
      ["usage", ".usage-bars"],
      ["budgets", "[data-budget]"],
      ["prices", '[data-price="house-model"]'],
    ] as const) {
      await page.goto(`${studio.url}/usage?tab=${tab}`);
      await page.locator(ready).first().waitFor();
      await assertFits(page, tab);
      await assertAccessibleInThemes(page, `usage, ${tab}`);
      await keepScreenshot(page, `usage-${tab}-320`);
    }
    assertNoTrouble(page);
  });
});
