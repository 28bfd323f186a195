import assert from "node:assert/strict";
import { test } from "node:test";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import { scriptPrompt, startMockModel } from "@holdfast/testing/mock-model";
import { createClient } from "holdfast/client";
import type { Page } from "playwright-core";
import type { registry } from "../../examples/products/assistant/actors.ts";
import { build } from "../../examples/products/assistant/build.ts";
import { assertAccessible, assertAccessibleInThemes, assertReadable } from "../e2e/support/axe.ts";
import { assertProductDocumented } from "../e2e/support/documented.ts";
import { startProduct } from "./support.ts";

const credentials = { name: "Ann Wood", password: "correct horse" };

async function signIn(page: Page, url: string, isNew: boolean): Promise<void> {
  await page.goto(url);
  const submit = page.locator("button[type=submit]");
  if (isNew) await page.getByRole("button", { name: "Create an account" }).click();
  await page.getByLabel("Name").fill(credentials.name);
  await page.getByLabel("Password").fill(credentials.password);
  await submit.click();
  await page.getByRole("heading", { name: "Hello, Ann Wood" }).waitFor();
}

async function send(page: Page, text: string): Promise<void> {
  await page.getByLabel("Message").fill(text);
  await page.keyboard.press("Enter");
}

test("an answer resumes after a reload, a question survives a crash, and a memory is shown and deleted", {
  skip: missingChromium,
}, async (t) => {
  const model = await startMockModel();
  t.after(() => model.close());
  const env = { MODEL_URL: `${model.url}/v1`, MODEL: "scripted" };
  const product = await startProduct(t, { name: "assistant", build, env });
  const browser = await launchChromium();
  t.after(() => browser.close());
  const open = async (): Promise<Page> =>
    await (await browser.newContext({ reducedMotion: "reduce" })).newPage();
  const [laptop, phone] = [await open(), await open()];

  await laptop.goto(product.url);
  await laptop.getByRole("heading", { name: "Assistant" }).waitFor();
  await assertAccessible(laptop, "signing in");
  await signIn(laptop, product.url, true);
  await signIn(phone, product.url, false);
  await phone.setViewportSize({ width: 390, height: 844 });

  await laptop.getByRole("button", { name: "Start a conversation" }).click();
  await laptop.getByText("How can I help you?").waitFor();
  const reminder = { text: "call Bob", inMinutes: 90 };
  const steps = [
    { say: "Let me see" },
    { hold: "page" },
    { call: { server: "", tool: "set_reminder", arguments: reminder } },
  ];
  await send(laptop, scriptPrompt(steps));
  await phone.getByRole("button", { name: "Conversations" }).click();
  await phone.getByRole("navigation").getByRole("link").first().click();
  for (const page of [laptop, phone]) await page.getByText("Let me see", { exact: true }).waitFor();
  await laptop.reload();
  await laptop.getByText("Let me see", { exact: true }).waitFor();
  model.release("page");
  for (const page of [laptop, phone]) await page.getByText("Remind you to call Bob, in 1.5 hours").waitFor();

  await laptop.getByRole("button", { name: "Send" }).waitFor();

  await product.kill();
  for (const page of [laptop, phone]) await page.getByText("The connection is lost").waitFor();
  await laptop.getByLabel("Message").fill("A draft");
  assert.ok(await laptop.getByRole("button", { name: "Send" }).isDisabled());
  // The demo model goes on: no variable of a model is set.
  await product.start({});
  for (const page of [laptop, phone])
    await page.getByText("The connection is lost").waitFor({ state: "detached" });
  assert.equal(await laptop.getByLabel("Message").inputValue(), "A draft");
  await phone.getByRole("button", { name: "Allow" }).click();
  for (const page of [laptop, phone]) await page.getByText("Done. I remind you here").waitFor();
  await laptop.getByRole("region", { name: "Reminders" }).getByText("call Bob").waitFor();
  await laptop.getByRole("button", { name: "Rename" }).click();
  await laptop.getByLabel("Title").fill("Call with Bob");
  await laptop.getByLabel("Title").press("Enter");
  await laptop.getByRole("heading", { name: "Call with Bob" }).waitFor();

  await laptop.reload();
  await laptop.getByText("Done. I remind you here").waitFor();
  await laptop.getByRole("button", { name: "New conversation" }).click();
  await laptop.getByText("How can I help you?").waitFor();
  await send(laptop, "Remember that I drink green tea");
  await laptop.getByText("Remembered: I drink green tea").waitFor();
  await laptop.getByRole("button", { name: "Answer again" }).waitFor();
  await send(laptop, "What do you know about me?");
  await laptop.getByText("you drink green tea").waitFor();
  await laptop.getByRole("button", { name: "Answer again" }).waitFor();
  await send(laptop, "Remind me to buy tea in 2 days");
  await laptop.getByText("Remind you to buy tea, in 2 days").waitFor();
  await assertAccessibleInThemes(laptop, "a conversation");
  await assertProductDocumented(laptop, "assistant");

  await laptop.getByRole("button", { name: "Memory" }).click();
  await assertReadable(laptop, "the memory");
  await laptop.getByRole("button", { name: "Delete: I drink green tea" }).click();
  await laptop.getByText("Nothing yet.").waitFor();
  await assertAccessible(laptop, "an empty memory");

  await laptop.getByRole("button", { name: "Close" }).click();
  await laptop.getByRole("link", { name: "Call with Bob" }).click();
  await laptop.getByRole("heading", { name: "Call with Bob" }).waitFor();
  await laptop.getByRole("button", { name: "Delete", exact: true }).click();
  await laptop.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await laptop.getByRole("link", { name: "Call with Bob" }).waitFor({ state: "detached" });
  // The other page, which had it open, goes back to the beginning.
  await phone.getByRole("heading", { name: "Hello, Ann Wood" }).waitFor();

  await phone.getByRole("button", { name: "Conversations" }).click();
  await phone.getByRole("button", { name: /^Memory/ }).click();
  await phone.getByText("Nothing yet.").waitFor();
  assert.equal(await phone.evaluate<number>("document.documentElement.scrollWidth"), 390);

  // Nobody reads what belongs to others, with a session or without.
  const stranger = createClient<typeof registry>(product.url);
  t.after(() => stranger.dispose());
  const conversation = stranger.assistant.getOrCreate(["somebody", "a-conversation"]);
  await assert.rejects(conversation.messages(), { code: "signed_out" });
  const status = await laptop.evaluate<number>(
    `fetch("/actors/person/~somebody-else,/actions/overview", { method: "POST", body: '{"args":[]}', headers: { "content-type": "application/json" } }).then((r) => r.status)`,
  );
  assert.equal(status, 400);
});
