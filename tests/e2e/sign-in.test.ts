import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage } from "./support/browser.ts";
import { keepScreenshot, signIn } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

describe("signing in", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;

  before(async () => {
    browser = await launchChromium();
    studio = await StudioProcess.create();
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  test("without a link the page says how to get one", async (t) => {
    const page = await openPage(browser, t);
    await page.goto(studio.url);
    await page.getByRole("heading", { name: "This browser is not signed in" }).waitFor();
    await page.getByText("npx holdfast url").waitFor();
    await assertAccessible(page, "sign in");
    await keepScreenshot(page, "sign-in");
  });

  test("a wrong ticket is refused in words", async (t) => {
    const page = await openPage(browser, t);
    await page.goto(`${studio.url}/#ticket=${"x".repeat(43)}`);
    await page.getByRole("heading", { name: "This link was already used or has expired" }).waitFor();
    assert.equal(new URL(page.url()).hash, "");
  });

  test("a link that is pasted into the tab of the page that asked for it signs it in", async (t) => {
    const page = await openPage(browser, t);
    await page.goto(studio.url);
    await page.getByRole("heading", { name: "This browser is not signed in" }).waitFor();
    // The address differs by its fragment alone: the browser loads nothing by itself.
    await page.goto(await studio.link());
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    assert.equal(new URL(page.url()).hash, "");
  });

  test("a link works once, leaves no trace in the address, and the browser is remembered", async (t) => {
    const page = await openPage(browser, t);
    const link = await studio.link();
    await page.goto(link);
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    assert.equal(new URL(page.url()).hash, "");
    const cookies = await page.context().cookies();
    assert.ok(cookies.length > 0);
    assert.ok(cookies.every((cookie) => cookie.httpOnly && cookie.sameSite === "Strict"));
    assert.equal(await page.evaluate("document.cookie"), "");
    await page.reload();
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();

    const other = await openPage(browser, t);
    await other.goto(link);
    await other.getByRole("heading", { name: "This link was already used or has expired" }).waitFor();
  });

  test("a page of which a file was lost on the way loads again, and says so if that does not help", async (t) => {
    const page = await openPage(browser, t);
    const script = "**/assets/app-*.js";
    await page.route(script, (route) => route.abort("connectionreset"), { times: 1 });
    await page.goto(await studio.link());
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
    await page.route(script, (route) => route.abort("connectionreset"));
    await page.reload();
    await page.getByRole("heading", { name: "This page could not be loaded" }).waitFor();
    await page.unroute(script);
    await page.getByRole("button", { name: "Reload" }).click();
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
  });

  test("the cookie survives a restart of the server", async (t) => {
    const page = await openPage(browser, t);
    await signIn(page, studio);
    await studio.kill();
    await studio.start();
    await page.goto(studio.url);
    await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
  });
});
