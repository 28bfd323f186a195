import assert from "node:assert/strict";
import { test } from "node:test";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { build } from "../../examples/products/arena/build.ts";
import { assertAccessible, assertAccessibleInThemes } from "../e2e/support/axe.ts";
import { assertProductDocumented } from "../e2e/support/documented.ts";
import { startProduct } from "./support.ts";

async function signIn(browser: Browser, url: string, name: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 480, height: 480 } });
  const page = await context.newPage();
  await page.goto(url);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("button", { name: "Play", exact: true }).waitFor();
  return page;
}

/** Plays by keys and by the words of the page alone, as somebody does who does not see the field. */
const playByWords = `{
  const field = document.querySelector("canvas");
  const keys = { left: "ArrowLeft", right: "ArrowRight", up: "ArrowUp", down: "ArrowDown" };
  const press = (code, type) => field.dispatchEvent(new KeyboardEvent(type, { code, bubbles: true }));
  let before = "";
  const timer = setInterval(() => {
    for (const code of Object.values(keys)) press(code, "keyup");
    [...document.querySelectorAll("button")].find((each) => each.textContent === "Say what is around me").click();
    const words = document.querySelector(".words [role=status]").textContent;
    const [, way = ""] = /nearest gem is ([^.]*)/.exec(words) ?? [];
    const ways = way.match(/left|right|up|down/g) ?? [];
    // Before a wall, the words stay the same.
    if (way === before) ways.push(Object.keys(keys)[Math.floor(Math.random() * 4)]);
    before = way;
    for (const each of ways) press(keys[each], "keydown");
  }, 100);
  window.stopPlaying = () => {
    clearInterval(timer);
    for (const code of Object.values(keys)) press(code, "keyup");
  };
}`;

const cornerOfField = `[...document.querySelector("canvas").getContext("2d").getImageData(2, 2, 1, 1).data].slice(0, 3)`;

const rowOf = (page: Page, name: string) => page.getByRole("row").filter({ hasText: name });
const pointsOf = async (page: Page, name: string) =>
  Number(await rowOf(page, name).getByRole("cell").innerText());

test("two people meet in a room with bots; points are kept through a crash, and the place by a reload", {
  skip: missingChromium,
}, async (t) => {
  const product = await startProduct(t, { name: "arena", build });
  const browser = await launchChromium();
  t.after(() => browser.close());
  const [ann, bob] = [await signIn(browser, product.url, "Ann"), await signIn(browser, product.url, "Bob")];
  await ann.getByText("Nobody plays now").waitFor();
  await assertAccessibleInThemes(ann, "the lobby");
  await ann.getByRole("button", { name: "Play", exact: true }).click();
  await bob.getByText("1 person plays now").waitFor();
  await bob.getByRole("button", { name: "Play", exact: true }).click();
  for (const page of [ann, bob]) {
    for (const name of ["Ann", "Bob"]) await rowOf(page, name).waitFor();
    assert.equal(await page.getByRole("row").count(), 6, "a heading, two people, three bots");
  }
  assert.equal(ann.url(), bob.url());

  await ann.evaluate(playByWords);
  await ann.getByText("You have a gem").first().waitFor();
  await ann.locator("[aria-current=true] td", { hasText: /^[1-9]/ }).waitFor();
  await ann.evaluate("stopPlaying()");
  await bob.getByText("Ann has a gem").first().waitFor();
  await bob.getByRole("application").press("e");
  await bob.getByText(/^Place \d of 5 with \d+ points?, health \d of 3/).waitFor();
  await assertAccessible(bob, "a room");
  await ann.getByRole("application").focus();
  for (const [colorScheme, colour] of [
    ["light", [251, 252, 254]],
    ["dark", [23, 26, 34]],
  ] as const) {
    await ann.emulateMedia({ colorScheme });
    await ann.evaluate(
      `new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))`,
    );
    assert.deepEqual(await ann.evaluate(cornerOfField), colour, `the field is ${colorScheme}`);
  }
  await assertProductDocumented(ann, "arena");

  const points = await pointsOf(ann, "Ann");
  await product.kill();
  for (const page of [ann, bob]) await page.getByText("The connection is lost").waitFor();
  await product.start();
  for (const page of [ann, bob])
    await page.getByText("The connection is lost").waitFor({ state: "detached" });
  assert.ok((await pointsOf(bob, "Ann")) >= points, "points that were shown are kept");

  await ann.reload();
  await rowOf(ann, "Ann you").waitFor();
  assert.ok((await pointsOf(ann, "Ann")) >= points);
  const tab = await ann.context().newPage();
  await tab.goto(ann.url());
  await rowOf(tab, "Ann you").waitFor();
  await ann.getByText("You play in another tab").waitFor();
  await tab.close();
  await rowOf(bob, "Ann away").waitFor();
  await ann.getByRole("button", { name: "Play here" }).click();
  await rowOf(bob, "Ann away").waitFor({ state: "detached" });
  assert.equal(await bob.evaluate<number>("document.documentElement.scrollWidth"), 480);
});
