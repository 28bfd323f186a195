/** A person kills, freezes, cuts off and drains nodes, while a counter, a chat and an agent's task go on. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import { findProgram } from "@holdfast/testing/postgres";
import type { Page } from "playwright-core";
import { startDemo } from "./main.ts";

const missing = [
  ...(missingChromium === false ? [] : ["chromium-headless-shell"]),
  ...(findProgram("initdb") === undefined ? ["postgresql"] : []),
];

const figure = async (page: Page, id: string): Promise<number> =>
  Number((await page.locator(`[data-figure="${id}"]`).innerText()).replaceAll(",", ""));

/** Waits until the counter's client has got this many more answers. */
async function answersMore(page: Page, more: number): Promise<void> {
  const from = await figure(page, "acknowledged");
  const shown = `Number(document.querySelector('[data-figure="acknowledged"]').textContent.replaceAll(",", ""))`;
  await page.waitForFunction(`${shown} >= ${from + more}`, undefined, { timeout: 60_000 });
}

async function nodeOfCounter(page: Page): Promise<string> {
  const text = await page
    .getByRole("region", { name: "Counter" })
    .getByText(/^at node/)
    .innerText();
  return text.replace("at ", "");
}

const press = (page: Page, node: string, label: string): Promise<void> =>
  page.getByRole("article", { name: node }).getByRole("button", { name: label, exact: true }).click();

const stateIs = (page: Page, node: string, state: string): Promise<void> =>
  page.getByRole("article", { name: node }).getByText(state, { exact: true }).waitFor({ timeout: 60_000 });

test("nothing is lost, whatever happens to a node", {
  skip: missing.length === 0 ? false : `needs ${missing.join(" and ")}`,
}, async (t) => {
  // On a busy machine three nodes, a database and a browser may all stand still for longer than two seconds: with shorter
  // sessions, the nodes would lose them all the time.
  const demo = await startDemo({ ttlMs: 6_000 });
  t.after(() => demo.close());
  const browser = await launchChromium();
  t.after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(demo.url);
  await answersMore(page, 20);

  const killed = await nodeOfCounter(page);
  await press(page, killed, "Kill -9");
  await stateIs(page, killed, "Not running");
  await answersMore(page, 20);
  await press(page, killed, "Start");
  await stateIs(page, killed, "Serving");

  const frozen = await nodeOfCounter(page);
  await press(page, frozen, "Freeze");
  await answersMore(page, 20);
  await press(page, frozen, "Thaw");
  await stateIs(page, frozen, "Serving");

  const cut = await nodeOfCounter(page);
  await press(page, cut, "Cut database link");
  await answersMore(page, 20);
  await press(page, cut, "Mend database link");
  await stateIs(page, cut, "Serving");

  const drained = await nodeOfCounter(page);
  await press(page, drained, "Drain");
  await stateIs(page, drained, "Drained");
  await answersMore(page, 20);
  assert.notEqual(await nodeOfCounter(page), drained);

  await page.getByLabel("Say something").fill("All of us are still here.");
  await page.getByRole("button", { name: "Say", exact: true }).click();
  await page.getByRole("listitem").filter({ hasText: "All of us are still here." }).waitFor();
  // The agent works in a jail.
  if (existsSync("/usr/bin/bwrap")) {
    await page.waitForFunction(
      `Number(document.querySelector('[data-figure="turns"]').textContent) >= 2`,
      undefined,
      { timeout: 120_000 },
    );
  }
  assert.deepEqual(await page.getByText("gave up on a call").allInnerTexts(), []);
  for (const id of ["errors", "missing", "repeated", "log-missing"])
    assert.equal(await figure(page, id), 0, id);
  // In one moment, as the counter goes on.
  const [stored, acknowledged] = await page
    .locator('[data-figure="stored"], [data-figure="acknowledged"]')
    .allInnerTexts();
  assert.equal(stored, acknowledged);
});
