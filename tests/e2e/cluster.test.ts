/** The System page of a Studio that is a node of a cluster. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import type { Browser, Page } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage } from "./support/browser.ts";
import { assertDocumented } from "./support/documented.ts";
import { assertNoTrouble, keepScreenshot, signIn } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

describe("the nodes of a cluster, in the browser", { skip: absent ?? false }, () => {
  let postgres: PostgresServer | undefined;
  let browser: Browser | undefined;
  const nodes: StudioProcess[] = [];

  before(async () => {
    postgres = await startPostgres();
    browser = await launchChromium();
    const store = postgres.createDatabase();
    for (const name of ["north", "south"]) {
      const environment = {
        HOLDFAST_STORE: store,
        HOLDFAST_NODE: name,
        HOLDFAST_ADVERTISE: "http://127.0.0.1:0",
        HOLDFAST_CLUSTER_SECRET: "the secret of these tests",
        HOLDFAST_CLUSTER_KEY: "0123456789abcdef".repeat(4),
      };
      nodes.push(await StudioProcess.create({ environment }));
    }
  });
  after(async () => {
    await browser?.close();
    for (const node of nodes) await node.dispose();
    await postgres?.stop();
  });

  const row = (page: Page, node: string) => page.locator(`[data-node="${node}"]`);

  test("are shown with their shares; one is drained by its button, and its share goes to the other", async (t) => {
    assert.ok(browser !== undefined);
    const page = await openPage(browser, t);
    await signIn(page, nodes[0] as StudioProcess);
    await page.getByRole("link", { name: "System" }).click();
    await page.getByRole("heading", { name: /^Nodes 1,024 shards of actors/ }).waitFor();
    await row(page, "north").getByText("this page").waitFor();
    for (const node of ["north", "south"]) {
      await row(page, node).getByText("Serving").waitFor();
      await row(page, node)
        .getByText(/^[1-9]\d* shards,/)
        .waitFor();
    }
    await page.locator('[data-agent="demo"]').waitFor();
    await assertAccessible(page, "cluster");
    await keepScreenshot(page, "cluster");
    await assertDocumented(page, "cluster");

    await page.getByRole("link", { name: "Settings", exact: true }).click();
    await page.getByRole("link", { name: "Audit log" }).click();
    const records = page.locator("[data-record]");
    for (const node of ["north", "south"]) await records.filter({ hasText: node }).first().waitFor();
    await page.getByRole("button", { name: "Verify all chains" }).click();
    await page.getByTestId("audit-intact").getByText("The chains of all nodes are intact").waitFor();
    for (const node of ["north", "south"])
      await page
        .locator(`[data-chain="${node}"]`)
        .getByText(/[1-9]\d* records, signed up to/)
        .waitFor();
    await page.getByLabel("Node").selectOption("south");
    await records.filter({ hasText: "north" }).first().waitFor({ state: "detached" });
    await records.filter({ hasText: "south" }).first().waitFor();
    await assertAccessible(page, "cluster-audit");
    await keepScreenshot(page, "cluster-audit");
    await page.getByRole("link", { name: "System" }).click();

    await page.getByRole("button", { name: "Drain south" }).click();
    const dialog = page.getByRole("dialog", { name: "Drain south?" });
    await keepScreenshot(page, "cluster-drain");
    await dialog.getByRole("button", { name: "Drain", exact: true }).click();
    await row(page, "south").getByText("Drained").waitFor();
    await row(page, "south")
      .getByText(/^0 shards,/)
      .waitFor();
    await row(page, "north")
      .getByText(/^1,024 shards,/)
      .waitFor();
    assert.equal(await page.getByRole("button", { name: "Drain south" }).isDisabled(), true);
    await page.setViewportSize({ width: 400, height: 860 });
    const surplus = await page.evaluate<number>(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
    assert.ok(surplus <= 0, `the page is ${surplus} pixels too wide`);
    await keepScreenshot(page, "cluster-phone");
    assertNoTrouble(page);
  });
});
