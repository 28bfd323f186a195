import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { createMemoryStore } from "@holdfast/testing";
import { type Browser, chromium, type Page } from "playwright-core";
import { rolldown } from "rolldown";
import { counter, departures, locked } from "./browser/actors.ts";

const executablePath = process.env["HOLDFAST_CHROMIUM"] ?? "/usr/bin/chromium";
const html =
  '<!doctype html><meta charset="utf-8"><title>t</title><div id="root"></div><script type="module" src="/page.js"></script>';
const skip = existsSync(executablePath) ? false : "needs chromium";

async function bundle(directory: string): Promise<string> {
  const build = await rolldown({
    input: join(import.meta.dirname, "browser", "page.tsx"),
    platform: "browser",
    transform: { define: { "process.env.NODE_ENV": '"production"' } },
  });
  const file = join(directory, "page.js");
  await build.write({ file, format: "esm" });
  await build.close();
  return readFileSync(file, "utf8");
}

describe("React hooks in a browser", { skip }, () => {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-react-"));
  const ports = systemPorts();
  let browser: Browser;
  let page: Page;
  let script = "";

  const registry = createRegistry({
    use: { counter, locked },
    store: () => createMemoryStore({ ports }),
    gateway: {
      fallback: (request, response) => {
        const isScript = request.url === "/page.js";
        response.writeHead(200, { "content-type": isScript ? "text/javascript" : "text/html" });
        response.end(isScript ? script : html);
      },
    },
  });

  before(async () => {
    script = await bundle(directory);
    const listening = await registry.listen({ port: 0 });
    browser = await chromium.launch({
      executablePath,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic"],
    });
    page = await browser.newPage();
    await page.goto(listening.url);
  });
  after(async () => {
    await browser?.close();
    await registry.shutdown();
    rmSync(directory, { recursive: true, force: true });
  });

  /** Waits until an element shows a text. */
  async function shows(selector: string, text: string): Promise<void> {
    const expected = JSON.stringify([selector, text]);
    const shown = `(([at, text]) => document.querySelector(at)?.textContent === text)(${expected})`;
    await page.waitForFunction(shown, undefined, { timeout: 10_000 });
  }

  test("components with the same options share one connection, also in strict mode", async () => {
    await shows("#one .status", "connected");
    await shows("#two .status", "connected");
    assert.equal(await registry.client.counter.get(["shared"]).connections(), 1);
  });

  test("events reach every component once, actions show their errors", async () => {
    await page.click("#one .add");
    await shows("#one .last", "1");
    await shows("#two .last", "1");
    await shows("#two .events", "1");
    await shows("#two .state", "1");
    await page.click("#one .too-much");
    await shows("#one .error", "too much");
    await page.click("#one .add");
    await shows("#one .error", "fine");
    await shows("#one .state", "2");
  });

  test("an optimistic change is shown at once, confirmed, or taken back", async () => {
    await page.click("#one .optimistic");
    await shows("#one .state", "12");
    await shows("#one .pending", "true");
    await shows("#two .state", "2");
    await registry.client.counter.get(["shared"]).tell();
    await shows("#one .pending", "false");
    await shows("#two .state", "12");
    await shows("#one .state", "12");
    await page.click("#one .refused");
    await shows("#one .pending", "false");
    await shows("#one .state", "12");
  });

  test("suspense, refusals, and what is not enabled", async () => {
    await shows("#suspended", "connected");
    await shows("#locked", "user.locked");
    await shows("#off", "idle");
    await assert.rejects(registry.client.counter.get(["off"]).get(), { code: "not_found" });
  });

  test("the connection ends with the last component that used it", async () => {
    const handle = registry.client.counter.get(["shared"]);
    await page.click("#once");
    await page.waitForSelector("#two", { state: "detached" });
    assert.equal(await handle.connections(), 1);
    const empty = once(departures, "empty");
    await page.click("#none");
    await empty;
    assert.equal(await handle.connections(), 0);
  });
});
