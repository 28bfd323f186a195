import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";

const directory = mkdtempSync(join(tmpdir(), "holdfast-react-example-"));
process.env["HOLDFAST_DATA"] = join(directory, "data");

test("two people see one list", {
  skip: missingChromium,
}, async (t) => {
  const { registry } = await import("./actors.ts");
  const { build } = await import("./server.ts");
  const publicDir = join(directory, "public");
  await build(publicDir);
  const { url } = await registry.listen({ port: 0, publicDir });
  const browser = await launchChromium();
  t.after(async () => {
    await browser.close();
    await registry.shutdown();
    rmSync(directory, { recursive: true, force: true });
  });
  const ann = await browser.newPage();
  const bob = await browser.newPage();
  await Promise.all([ann.goto(url), bob.goto(url)]);
  await ann.getByLabel("What to buy").fill("bread");
  await ann.getByRole("button", { name: "Add" }).click();
  await bob.getByLabel("bread").check();
  await ann.locator("input[type=checkbox]:checked").waitFor();
  assert.deepEqual(await registry.client.list.get(["home"]).items(), [{ id: 1, text: "bread", done: true }]);
});
