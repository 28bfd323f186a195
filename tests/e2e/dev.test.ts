/** The inspector of `holdfast dev`: its pages follow the program as it is saved. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createClient } from "@holdfast/client";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import type { Browser } from "playwright-core";
import {
  makeProject,
  type RunningDev,
  startDev,
  typeConfig,
  write,
} from "../../packages/holdfast/tests/dev-support.ts";
import { assertAccessibleInThemes } from "./support/axe.ts";
import { SharedPage } from "./support/browser.ts";
import { assertDocumented } from "./support/documented.ts";
import { assertFits, assertNoTrouble } from "./support/pages.ts";

const program = (more = "", label = '"first"') => `
import { actor, setup } from "holdfast";
const counter = actor({
  state: { count: 3, label: ${label} },
  ${more}
  actions: { add: (c, by: number) => (c.state.count += by) },
});
export const registry = setup({ use: { counter } });
`;

const refusal = `stateSchema: { "~standard": { version: 1, vendor: "test", validate: () =>
    ({ issues: [{ message: "has no colour", path: ["count"] }] }) } },`;

interface Counters {
  readonly counter: { getOrCreate(key: string): { add(by: number): Promise<number> } };
  dispose(): Promise<void>;
}

describe("the inspector of holdfast dev", { skip: missingChromium }, () => {
  let browser: Browser;
  let pages: SharedPage;
  let dev: RunningDev;
  let project: string;

  before(async () => {
    project = makeProject({
      "src/registry.ts": program(),
      "tsconfig.json": typeConfig(["src/shape.ts"]),
      "src/shape.ts": "export const size: number = 1;\n",
    });
    browser = await launchChromium();
    pages = new SharedPage(browser);
    dev = await startDev(project);
    const client = createClient(dev.url) as unknown as Counters;
    await client.counter.getOrCreate("shown").add(0);
    await client.dispose();
  });
  after(async () => {
    await browser?.close();
    await dev?.stop();
  });

  test("follows the program: its actors, what it refuses, and what is wrong with it", async (t) => {
    const page = await pages.open(t);
    await page.goto(`${dev.url}/inspector`);
    await page.getByText("1 actor, 1 awake").waitFor();
    await assertAccessibleInThemes(page, "the list of actors");
    await page.keyboard.press("Tab");
    await page.getByRole("link", { name: /counter shown/ }).press("Enter");
    const count = (text: string) => page.getByTestId("state").getByText(text, { exact: true });
    await count("3").waitFor();
    await page.getByRole("tab", { name: "Actions" }).click();
    await page.getByLabel("Arguments").fill("[4]");
    await page.getByRole("button", { name: "Call", exact: true }).click();
    await page.getByRole("tab", { name: "State" }).click();
    await count("7").waitFor();
    assertNoTrouble(page);

    // A refused state, and the same one accepted again.
    write(project, "src/registry.ts", program(refusal));
    await page.getByText("actor.invalid_state").waitFor();
    await assertAccessibleInThemes(page, "a refused state");
    write(project, "src/registry.ts", `${program()}\n`);
    await count("7").waitFor();

    // What cannot be loaded, and a wrong type.
    write(project, "src/registry.ts", program("", '"first'));
    await page.getByText("The newest version cannot be loaded.").waitFor();
    await count("7").waitFor();
    await page.getByRole("link", { name: "Show the error" }).click();
    await page.locator(".dev-error").getByText("registry.ts").first().waitFor();
    await assertAccessibleInThemes(page, "an error of the program");
    await assertDocumented(page, "dev");
    write(project, "src/shape.ts", 'export const size: number = "wrong";\n');
    await page.getByRole("list", { name: "Type errors" }).getByText("TS2322").waitFor();
    await page.setViewportSize({ width: 320, height: 700 });
    await assertFits(page, "problems");
    await assertAccessibleInThemes(page, "type errors");
    write(project, "src/shape.ts", "export const size: number = 1;\n");
    write(project, "src/registry.ts", program());
    await page.getByText("No problems").waitFor();
    assert.match(page.url(), /\/inspector\/problems$/);
  });

  test("says that it has stopped", async (t) => {
    const page = await pages.open(t);
    await page.goto(`${dev.url}/inspector/problems`);
    await page.getByText("No problems").waitFor();
    await dev.stop();
    await page.getByText("holdfast dev has stopped.").waitFor();
  });
});
