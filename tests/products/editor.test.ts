import assert from "node:assert/strict";
import { test } from "node:test";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import type { Page } from "playwright-core";
import { build } from "../../examples/products/editor/build.ts";
import { assertAccessible, assertAccessibleInThemes } from "../e2e/support/axe.ts";
import { assertProductDocumented } from "../e2e/support/documented.ts";
import { startProduct } from "./support.ts";

async function signIn(page: Page, address: string, name: string): Promise<void> {
  await page.goto(address);
  await page.getByLabel("Your name").fill(name);
  await page.getByRole("button", { name: "Continue" }).click();
}

test("two people write one document, without a server and through crashes; links give rights; a version comes back", {
  skip: missingChromium,
}, async (t) => {
  const product = await startProduct(t, { name: "editor", build });
  const { url } = product;
  const browser = await launchChromium();
  t.after(() => browser.close());
  // Each person has cookies and a storage of their own.
  const [ofAnn, ofBob] = [await browser.newContext(), await browser.newContext()];
  const [ann, bob] = [await ofAnn.newPage(), await ofBob.newPage()];
  const textOf = (page: Page) => page.getByRole("textbox", { name: "Text of the document" });
  const previewOf = (page: Page) => page.getByRole("region", { name: "Preview" });
  const saved = (page: Page) => page.getByText("Saved", { exact: true }).waitFor();

  await signIn(ann, url, "Ann Lee");
  await ann.getByText("You have no documents yet").waitFor();
  await assertAccessible(ann, "an empty list");
  await ann.getByLabel("Title of the new document").fill("Launch plan");
  await ann.getByRole("button", { name: "Create" }).click();
  await textOf(ann).fill(text);
  await saved(ann);

  await ann.getByRole("button", { name: "Share" }).click();
  const linkTo = async (role: string): Promise<string> => {
    await ann.getByLabel("Who has the link").selectOption(role);
    await ann.getByRole("button", { name: "Make a link" }).click();
    await ann.getByText(`Link, can ${role}`).waitFor();
    return await ann.getByLabel("Address of the link").inputValue();
  };
  const [toRead, toEdit] = [await linkTo("read"), await linkTo("edit")];
  await assertAccessible(ann, "the dialog to share");
  await ann.getByRole("button", { name: "Done" }).click();
  await signIn(bob, toRead, "Bob Ito");
  await bob.getByText("You can read this document").waitFor();
  assert.ok(!bob.url().includes("#"), "the token has left the address");
  assert.equal(await textOf(bob).getAttribute("contenteditable"), "false");
  await bob.goto(toEdit);
  await saved(bob);
  await textOf(bob).press("Control+End");
  await ann.locator(".caret", { hasText: "Bob Ito" }).waitFor();

  // What is written while there is no server is kept: in the page that stays open, and of the one that is closed.
  await product.kill();
  for (const page of [ann, bob]) await page.getByText("The connection is lost").waitFor();
  await textOf(bob).pressSequentially("\n4. Tell everybody");
  await textOf(ann).press("Control+Home");
  for (const key of ["ArrowDown", "ArrowDown", "End"]) await textOf(ann).press(key);
  await textOf(ann).pressSequentially(" No excuses.");
  await ann.getByText("Offline, changes not sent").waitFor();
  await bob.close();
  await product.start();
  await saved(ann);
  const again = await ofBob.newPage();
  await again.goto(url);
  await again.getByRole("link", { name: "Launch plan" }).click();
  for (const page of [ann, again]) {
    await previewOf(page).getByText("Tell everybody").waitFor();
    await previewOf(page).getByText("No excuses.").waitFor();
  }

  await ann.getByRole("button", { name: "History" }).click();
  await ann.getByLabel("Name of the version").fill("Before the call");
  await ann.getByRole("button", { name: "Keep this version" }).click();
  await ann.getByRole("button", { name: "Before the call" }).waitFor();
  await textOf(again).fill("Gone");
  await previewOf(ann).getByText("Gone", { exact: true }).waitFor();
  await ann.getByRole("button", { name: "Before the call" }).click();
  await ann.locator("del", { hasText: "Tell everybody" }).waitFor();
  await ann.getByRole("button", { name: "Restore this version" }).click();
  for (const page of [ann, again]) await previewOf(page).getByText("Tell everybody").waitFor();
  await again.getByText("Freeze").first().click();
  await again.keyboard.press("End");
  await again.keyboard.type(" by noon");
  await ann.locator(".caret", { hasText: "Bob Ito" }).waitFor();
  await ann.getByRole("button", { name: "Before the call" }).click();
  await ann.locator("ins", { hasText: "by noon" }).waitFor();
  await saved(again);
  await assertAccessibleInThemes(ann, "a document");
  await assertProductDocumented(ann, "editor");

  await ann.getByRole("button", { name: "Share" }).click();
  await ann.getByRole("button", { name: "Remove Bob Ito" }).click();
  await again.getByText("This document is not shared with you").waitFor();
  await again.getByRole("button", { name: "Back to the documents" }).click();
  await again.getByText("You have no documents yet").waitFor();

  // A page that is open would bring back what the server had lost.
  await product.kill();
  for (const page of [ann, again]) await page.close();
  await product.start();
  const late = await ofAnn.newPage();
  await late.setViewportSize({ width: 390, height: 844 });
  await late.goto(url);
  await late.getByRole("link", { name: "Launch plan" }).click();
  await late.getByText("by noon").first().waitFor();
  assert.equal(await late.evaluate<number>("document.documentElement.scrollWidth"), 390);
});

const text = `# Launch plan

We ship on **Tuesday** at 09:00, after the last rehearsal.

## Before

- [x] Rehearse with the support team
- [ ] Freeze translations
- [ ] Tell the partners

## On the day

> Nobody deploys anything else before noon.

1. Turn the flag on for *ten percent*
2. Watch \`errors per minute\` for an hour
3. Turn it on for everybody`;
