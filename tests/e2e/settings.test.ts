import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser } from "playwright-core";
import { assertAccessibleInThemes } from "./support/axe.ts";
import { missing, SharedPage } from "./support/browser.ts";
import { assertFits, assertNoTrouble, keepScreenshot, openSignedIn, signIn } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

describe("settings", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  let pages: SharedPage;
  let model: Server;

  before(async () => {
    browser = await launchChromium();
    pages = new SharedPage(browser);
    model = createServer((_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"models": []}');
    });
    await new Promise<void>((resolve) => model.listen(0, "127.0.0.1", resolve));
    const address = model.address();
    assert.ok(typeof address === "object" && address !== null);
    const environment = {
      GEMINI_API_KEY: "canary-0123456789abcdef",
      HOLDFAST_GOOGLE_BASE_URL: `http://127.0.0.1:${address.port}`,
    };
    studio = await StudioProcess.create({ environment });
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
    model?.close();
  });

  test("a connection is checked, and a secret is stored, rotated and deleted without being shown", async (t) => {
    const page = await pages.open(t);
    await signIn(page, studio);
    await page.getByRole("link", { name: "Settings", exact: true }).click();
    await page.getByRole("button", { name: "Check now: google" }).click();
    await page.locator('[data-connection="model/google"] [data-outcome="true"]').waitFor();
    await page.getByRole("button", { name: "Check now: Jails" }).click();
    await page.locator('[data-connection="jail"] [data-outcome="true"]').waitFor();
    // Where nothing is sold, nobody meets a plan, a seat or a price.
    assert.equal(await page.getByText(/Billing|Payments|Stripe/).count(), 0);
    await page.goto(`${studio.url}/settings/billing`);
    await page.getByText("There is nothing to pay here").waitFor();
    await page.getByRole("link", { name: "Secrets", exact: true }).click();
    await page.getByText("There are no secrets").waitFor();
    await page.getByLabel("Name").fill("deploy-token");
    await page.getByLabel("Value", { exact: true }).fill("canary-value-0123456789");
    await page.getByRole("button", { name: "Store secret" }).click();
    const row = page.locator('[data-secret="deploy-token"]');
    await row.getByText("Nobody can use it yet").waitFor();
    await page.getByRole("button", { name: "Rotate deploy-token" }).click();
    await row.getByRole("textbox", { name: "New value" }).fill("canary-value-9876543210");
    await row.getByRole("button", { name: "Replace the value" }).click();
    await row.getByRole("textbox", { name: "New value" }).waitFor({ state: "detached" });
    assert.ok(!(await page.content()).includes("canary-value"));
    await page.getByRole("button", { name: "Delete deploy-token" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("There are no secrets").waitFor();
    assertNoTrouble(page);
  });

  test("a policy is tried, saved and explained; what was done is in the audit log, whose chain is verified", async (t) => {
    const page = await pages.open(t);
    await openSignedIn(page, studio, "/settings/policy");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.locator("[data-answer]").getByText("default").first().waitFor();
    const rules = [{ id: "nothing", tools: ["*"], action: "deny", reason: "closed today" }];
    await page.getByLabel("Rules").fill(JSON.stringify({ version: 1, rules }));
    await page.getByRole("button", { name: "Explain with these changes" }).click();
    await page.locator('[data-answer="deny"]').getByText("closed today").waitFor();
    await page.getByRole("button", { name: "Try on past calls" }).click();
    await page.getByTestId("dry-run").waitFor();
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("1 rules are in force").waitFor();
    await page.getByRole("link", { name: "Audit log" }).click();
    await page.getByLabel("Kind").selectOption("policy");
    await page.locator("[data-record]").getByText("policy.saved").waitFor();
    assert.match(page.url(), /type=policy/);
    await page.getByRole("button", { name: "Verify the chain" }).click();
    await page.getByTestId("audit-intact").waitFor();
    await page.getByLabel("Kind").selectOption("");
    await page.getByLabel("Decision").selectOption("allow");
    await page.locator("[data-record]").getByText("person.signed_in").first().waitFor();
    const path = join(studio.directory, "data", "gate", "audit.log");
    const text = await readFile(path, "utf8");
    await writeFile(path, text.replace('"type":"gate.open"', '"type":"gate.oped"'));
    await page.getByRole("button", { name: "Verify the chain" }).click();
    await page.getByTestId("audit-broken").getByText("The log was changed.").waitFor();
    await writeFile(path, text);
    assertNoTrouble(page);
  });

  test("is accessible and fits the narrowest page", async (t) => {
    const page = await pages.open(t, { width: 320, height: 900 });
    await signIn(page, studio);
    for (const [screen, ready] of [
      ["", "[data-connection]"],
      ["/secrets", "form"],
      ["/policy", ".policy-text"],
      ["/audit", "[data-record]"],
    ] as const) {
      await page.goto(`${studio.url}/settings${screen}`);
      await page.locator(ready).first().waitFor();
      await assertFits(page, `settings${screen}`);
      await assertAccessibleInThemes(page, `settings${screen}`);
      await keepScreenshot(page, `settings${screen.replace("/", "-")}-320`);
    }
    assertNoTrouble(page);
  });
});
