/** The site of the documentation as `npm run docs:site` builds it, read in a browser. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, posix } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { findStaticFile, sendStaticFile } from "@holdfast/core/static-files";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import type { Browser } from "playwright-core";
import { apiPages } from "../../tools/site/api/entries.ts";
import { assertAccessibleInThemes, assertReadable } from "../e2e/support/axe.ts";
import { SharedPage } from "../e2e/support/browser.ts";
import { assertFits, assertNoTrouble, keepScreenshot } from "../e2e/support/pages.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const site = join(root, ".cache", "site");
const maxScriptBytes = 150_000;

const filesOf = (folder: string, ending: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(ending));

before(() => {
  execFileSync(process.execPath, [join(root, "tools/site/main.ts")], { cwd: root, stdio: "pipe" });
});

test("every page of the documentation is on the site, as a page and for language models", () => {
  const index = readFileSync(join(site, "llms.txt"), "utf8");
  const everything = readFileSync(join(site, "llms-full.txt"), "utf8");
  const documents = filesOf(join(root, "docs"), ".md").filter((name) => name !== "README.md");
  assert.ok(documents.length > 100);
  for (const name of [...documents, "examples.md", "changelog.md", "contributing.md"]) {
    assert.ok(existsSync(join(site, name.replace(/\.md$/, ".html"))), `${name} has no page`);
    assert.ok(existsSync(join(site, name)), `${name} is not there as Markdown`);
    assert.ok(index.includes(`](/${name})`), `llms.txt does not list ${name}`);
    assert.ok(everything.includes(`<!-- /${name} -->`), `llms-full.txt does not have ${name}`);
  }
  assert.match(index, /^- \[Your first actor\]\(\/tutorial\/first-actor\.md\): An actor is an object/m);
  const skill = readFileSync(join(site, "SKILL.md"), "utf8");
  assert.match(skill, /^---\nname: holdfast\n[\s\S]*UserError/);
  assert.equal(readFileSync(join(site, "skill.md"), "utf8"), skill);
  for (const [, path = ""] of skill.matchAll(/`(\/[\w/-]+\.(?:md|txt))`/g))
    assert.ok(existsSync(join(site, path)), path);
});

test("the exports of the packages are there, with their comments and with links between them", () => {
  const index = readFileSync(join(site, "llms.txt"), "utf8");
  for (const { path } of apiPages()) {
    assert.ok(existsSync(join(site, path.replace(/\.md$/, ".html"))), `${path} has no page`);
    assert.ok(index.includes(`](/${path})`), `llms.txt does not list ${path}`);
  }
  const text = readFileSync(join(site, "api/holdfast-workflow.md"), "utf8");
  assert.match(text, /^## durable\n\nA durable function[\s\S]*?\n```ts\nfunction durable</m);
  const html = readFileSync(join(site, "api/holdfast-workflow.html"), "utf8");
  const [, section = ""] = html.split(' id="durable"');
  assert.match(section.slice(0, 2_000), /<b>function<\/b> durable[\s\S]*<a href="#durablecontext"/);
});

test("each picture is one that a test compares with its screen, and a page shows it", () => {
  const assets = join(root, "docs", "assets");
  // Those of the products stand beside them: tools/products.ts.
  const compared = Object.keys(JSON.parse(readFileSync(join(assets, "pictures.json"), "utf8"))).filter(
    (name) => !name.startsWith("products/"),
  );
  const pictures = filesOf(assets, ".png").map((name) => name.replace(/\.png$/, ""));
  assert.deepEqual(pictures.sort(), compared.sort());
  const everything =
    readFileSync(join(site, "llms-full.txt"), "utf8") + readFileSync(join(site, "index.html"), "utf8");
  for (const name of pictures) assert.match(everything, new RegExp(`\\b${name}[.\\w-]*\\.png`), name);
});

test("no link leads nowhere, and no source file is linked", () => {
  const pages = new Map(
    filesOf(site, ".html").map((name) => [`/${name}`, readFileSync(join(site, name), "utf8")]),
  );
  const ids = new Map(
    [...pages].map(([path, html]) => [
      path,
      new Set(Array.from(html.matchAll(/ id="([^"]+)"/g), ([, id]) => id)),
    ]),
  );
  let links = 0;
  const dead: string[] = [];
  for (const [page, html] of pages) {
    for (const [, address = ""] of html.matchAll(/ (?:href|src)="([^"]+)"/g)) {
      if (/^[a-z]+:/.test(address)) continue;
      links += 1;
      const [path = "", fragment = ""] = address.split("#");
      const target = path === "" ? page : posix.resolve(posix.dirname(page), path);
      const file = target === "/" ? "/index.html" : target;
      const isThere = existsSync(join(site, file));
      const name = decodeURIComponent(fragment);
      if (!isThere || (name !== "" && ids.get(file)?.has(name) === false)) dead.push(`${page}: ${address}`);
    }
  }
  assert.ok(links > 5_000, `${links} links`);
  assert.deepEqual([...new Set(dead)], []);
});

describe("in a browser", { skip: missingChromium }, () => {
  let browser: Browser;
  let pages: SharedPage;
  let server: Server;
  let url: string;

  before(async () => {
    server = createServer(async (request, response) => {
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      const file = await findStaticFile(site, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
      if (file === undefined) response.writeHead(404).end();
      else await sendStaticFile(request, response, file, {});
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    browser = await launchChromium();
    pages = new SharedPage(browser);
  });
  after(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
  });

  test("loads little, asks no other server, and can be read by everybody on a phone", async (t) => {
    const page = await pages.open(t);
    const requests: string[] = [];
    page.on("request", (request) => requests.push(request.url()));
    await page.goto(url, { waitUntil: "networkidle" });
    await page.getByRole("heading", { name: "The open backend for AI agents" }).waitFor();
    const scripts = new Set(requests.filter((address) => address.endsWith(".js")));
    const bytes = [...scripts].map(
      (address) => gzipSync(readFileSync(join(site, new URL(address).pathname))).byteLength,
    );
    assert.ok(bytes.length > 0);
    const sum = bytes.reduce((all, each) => all + each, 0);
    assert.ok(sum < maxScriptBytes, `the first load has ${sum} bytes of JavaScript`);

    for (const path of [
      "/",
      "/reference/actors.html",
      "/explanation/performance.html",
      "/overview.html",
      "/api/holdfast-agent.html",
      "/tutorial/first-actor.html",
    ]) {
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.goto(url + path, { waitUntil: "networkidle" });
      await assertAccessibleInThemes(page, path);
      const name = path.replaceAll(/\W+/g, "-");
      await keepScreenshot(page, `site${name}-1280`);
      await page.setViewportSize({ width: 320, height: 700 });
      await assertFits(page, path);
      await keepScreenshot(page, `site${name}-320`);
    }
    assert.deepEqual(
      requests.filter((address) => !address.startsWith(url)),
      [],
    );
    assertNoTrouble(page);
  });

  test("has its pages beside each other, and finds a word from the keyboard", async (t) => {
    const page = await pages.open(t);
    await page.goto(`${url}/reference/queues.html`, { waitUntil: "networkidle" });
    const sidebar = page.getByRole("navigation", { name: "Sidebar Navigation" });
    await sidebar.getByRole("link", { name: "Workflows", exact: true }).click();
    await page.getByRole("heading", { name: "Workflows", level: 1 }).waitFor();
    await page.keyboard.press("Control+k");
    await page.locator("#localsearch-input").fill("output gate");
    const result = page.locator("#localsearch-list .result").first();
    await result.waitFor();
    await assertReadable(page, "the search");
    await page.keyboard.press("Enter");
    await page.locator(".VPLocalSearchBox").waitFor({ state: "detached" });
    assert.doesNotMatch(page.url(), /workflows/);
    await page.getByRole("heading", { level: 1 }).waitFor();
    assertNoTrouble(page);
  });
});
