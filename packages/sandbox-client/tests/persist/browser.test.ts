import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, test } from "node:test";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import { rolldown } from "rolldown";

test("IndexedDB in Chromium: every case, and what was kept outlives the page", {
  skip: missingChromium,
}, async () => {
  const build = await rolldown({ input: join(import.meta.dirname, "page.ts"), platform: "browser" });
  const { output } = await build.generate({ format: "esm" });
  await build.close();
  const server = createServer((request, response) => {
    const script = request.url === "/page.js";
    response.writeHead(200, { "content-type": script ? "text/javascript" : "text/html" });
    response.end(script ? output[0].code : '<!doctype html><script type="module" src="/page.js"></script>');
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  after(() => void server.close());
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const browser = await launchChromium();
  after(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${address.port}/`);
  await page.waitForFunction("globalThis.ready");
  assert.deepEqual(await page.evaluate("globalThis.conformance()"), []);
  assert.deepEqual(await page.evaluate("globalThis.keptAgain()"), ["nothing", "d"]);
  await page.evaluate("globalThis.keep()");
  await page.reload();
  await page.waitForFunction("globalThis.ready");
  assert.equal(await page.evaluate("globalThis.kept()"), "owl");
});
