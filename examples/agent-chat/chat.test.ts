import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import { ownImports } from "@holdfast/testing/own-imports";

const directory = mkdtempSync(join(tmpdir(), "holdfast-agent-chat-"));
after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
process.env["HOLDFAST_DATA"] = join(directory, "data");
process.env["CHAT_DIRECTORY"] = directory;
process.env["HOLDFAST_SANDBOX_BIN"] = join(directory, "server");
const cli = fileURLToPath(import.meta.resolve("@holdfast/sandbox")).replace(/index\.ts$/, "cli.ts");
const program = `#!/bin/sh\nshift\nexec ${process.execPath} ${ownImports.join(" ")} ${cli} "$@" --home ${directory}\n`;
writeFileSync(join(directory, "server"), program);
chmodSync(join(directory, "server"), 0o755);

test("a conversation with questions and memory, which a reload keeps", {
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
  });
  const page = await browser.newPage();
  await page.goto(url);
  const say = async (text: string) => {
    await page.getByLabel("Message").fill(text);
    await page.getByRole("button", { name: "Send" }).click();
  };
  await say('use the tool `order` with {"number":1001}');
  await page.getByText('"status":"on its way"').waitFor();
  await say('use the tool `remember` with {"text":"Ann wants no plastic."}');
  await page.getByLabel("Memory").getByText("Ann wants no plastic.").waitFor();
  await say('write "hello" to hello.txt');
  await page.getByRole("button", { name: "Allow" }).waitFor();
  await page.reload();
  await page.getByText("waits for you").waitFor();
  await page.getByLabel("Memory").waitFor();
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByText("Done.").waitFor();
  assert.equal(readFileSync(join(directory, "hello.txt"), "utf8"), "hello\n");
  await page.reload();
  await page.getByText("Done.").waitFor();
  assert.equal(await page.getByRole("article").count(), 6);
  await page.getByRole("button", { name: "Forget: Ann wants no plastic." }).click();
  await page.getByLabel("Memory").waitFor({ state: "detached" });
});
