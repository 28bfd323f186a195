/** Files of prompts, on the page of a task of the real server: pasted, dropped, refused, sent, and shown. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage } from "./support/browser.ts";
import { assertNoTrouble, signIn, waitForStatus } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

/** A picture of one pixel. */
const pixel =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg==";

interface TestFile {
  readonly name: string;
  readonly type: string;
  /** Base64. */
  readonly content?: string;
  /** Instead of a content: so many bytes. */
  readonly bytes?: number;
}

/** Pastes or drops files, as a browser does. */
function give(page: Page, event: "paste" | "drop", files: readonly TestFile[]): Promise<unknown> {
  return page.evaluate(`(() => {
    const data = new DataTransfer();
    for (const { name, type, content, bytes } of ${JSON.stringify(files)}) {
      const body = content === undefined
        ? new Uint8Array(bytes)
        : Uint8Array.from(atob(content), (each) => each.charCodeAt(0));
      data.items.add(new File([body], name, { type }));
    }
    const field = document.querySelector(".prompt-box textarea");
    field.dispatchEvent(
      ${JSON.stringify(event)} === "paste"
        ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
        : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }),
    );
  })()`);
}

describe("files of a prompt", { skip: missing() ?? false }, () => {
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

  test("are pasted, dropped, refused with a reason, sent and shown; the text is never lost", async (t) => {
    const page = await openPage(browser, t, { colorScheme: "dark" });
    await signIn(page, studio);
    await page.getByRole("button", { name: "Use the sample repository" }).click();
    const picture = { name: "first.png", type: "image/png", content: pixel };
    await give(page, "paste", [picture]);
    await page.locator(".attachment img").waitFor();
    await page.getByLabel("Describe the task").fill("Add a line to the README without asking");
    // What is typed and attached outlives the page.
    await page.reload();
    await page.getByRole("button", { name: "Remove first.png" }).waitFor();
    await page.locator('.agent-choice input[value="demo"]').check();
    await page.getByRole("button", { name: "Start task" }).click();
    await page.waitForURL(/\/tasks\/./);
    await waitForStatus(page, "idle");
    const sent = page.getByRole("article", { name: "Your prompt" }).first();
    await sent.getByText("first.png").waitFor();
    assert.ok(
      await sent
        .locator("img")
        .evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth > 0),
    );

    const field = page.getByRole("textbox", { name: "Next prompt" });
    const problems = page.locator(".prompt-problems");
    await field.fill("Look at this");
    await give(page, "drop", [{ name: "film.mov", type: "video/quicktime", bytes: 50 * 1024 * 1024 }]);
    await problems.getByText("“film.mov” was not added: it has 50 MiB").waitFor();
    await give(page, "drop", [{ name: "two\nlines.txt", type: "text/plain", bytes: 1 }]);
    await problems.getByText("“two?lines.txt” was not added").waitFor();
    await give(page, "drop", [{ name: "empty.txt", type: "text/plain", bytes: 0 }]);
    await problems.getByText("because it is empty").waitFor();
    await give(page, "paste", [{ name: "lie.png", type: "image/png", content: "AAEC" }]);
    await problems.getByText("“lie.png” is not an image").waitFor();
    const many = Array.from({ length: 30 }, (_, at) => ({
      name: `n${at}.txt`,
      type: "text/plain",
      bytes: 1,
    }));
    await give(page, "drop", many);
    await problems.getByText("A prompt can have at most 10 files: 21 files were not added.").waitFor();
    await page.getByRole("button", { name: "Remove n8.txt" }).waitFor();
    await assertAccessible(page, "a prompt with files");
    for (let at = 0; at < 9; at++) await page.getByRole("button", { name: `Remove n${at}.txt` }).click();

    await page.context().setOffline(true);
    await give(page, "paste", [picture]);
    const failed = page.locator(".attachment-failed");
    await failed.getByText("The server does not answer").waitFor();
    await field.press("Enter");
    await problems.getByText("A file was not uploaded").waitFor();
    assert.equal(await field.inputValue(), "Look at this");
    await page.context().setOffline(false);
    await failed.getByRole("button", { name: "Retry" }).click();
    // Its picture is there once it is uploaded; the button to remove it, before.
    await page.locator("li.attachment", { hasText: "first.png" }).locator("img").waitFor();
    await field.press("Enter");
    const second = page.getByRole("article", { name: "Your prompt" }).nth(1);
    await second.getByText("lie.png").waitFor();
    await second.getByText("first.png").waitFor();
    assert.equal(await field.inputValue(), "");
    assertNoTrouble(page);
  });
});
