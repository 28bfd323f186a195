import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import { scriptPrompt, startMockModel } from "@holdfast/testing/mock-model";

const directory = mkdtempSync(join(tmpdir(), "holdfast-ai-sdk-chat-"));
after(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
const model = await startMockModel();
after(() => model.close());
process.env["HOLDFAST_DATA"] = join(directory, "data");
process.env["MODEL_URL"] = `${model.url}/v1`;

test("two pages show the same answer, a reload resumes it, and a question waits", {
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
  const [page, other] = [await browser.newPage(), await browser.newPage()];
  await Promise.all([page, other].map((each) => each.goto(url)));
  await other.getByLabel("Message").waitFor();
  const refund = { call: { server: "", tool: "refund", arguments: { number: 1001 } } };
  const steps = [{ say: "Let me see" }, { hold: "page" }, refund, { say: "It is paid back." }];
  await page.getByLabel("Message").fill(scriptPrompt(steps));
  await page.getByRole("button", { name: "Send" }).click();
  for (const each of [page, other]) await each.getByText("Let me see", { exact: true }).waitFor();
  await page.reload();
  await page.getByText("Let me see", { exact: true }).waitFor();
  model.release("page");
  for (const each of [page, other]) await each.getByText("waits for you").waitFor();
  await other.getByRole("button", { name: "Allow" }).click();
  for (const each of [page, other]) await each.getByText("It is paid back.", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Try again" }).waitFor();
  assert.equal(await page.getByRole("article").count(), 2);
});
