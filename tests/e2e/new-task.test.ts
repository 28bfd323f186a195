/** A new task with the real server: its attempts, its environment, the files of its prompts, and sessions beside it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { assertAccessible, assertReadable } from "./support/axe.ts";
import { missing, SharedPage } from "./support/browser.ts";
import {
  assertFits,
  assertNoTrouble,
  keepScreenshot,
  signIn,
  startTask,
  waitForStatus,
} from "./support/pages.ts";
import { createRepository } from "./support/repository.ts";
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

const tab = (page: Page, name: string) => page.getByRole("tab", { name });

/** Commits an environment file, in a repository that is made when it is not there. */
function commit(repository: string, setup: string): void {
  mkdirSync(join(repository, ".holdfast"), { recursive: true });
  writeFileSync(join(repository, ".holdfast", "environment.yaml"), setup);
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], {
      cwd: repository,
    });
  if (!existsSync(join(repository, ".git"))) git("init", "-q", "-b", "main");
  git("add", "-A");
  git("commit", "-q", "-m", "change");
}

describe("a new task", { skip: missing() ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  let pages: SharedPage;

  before(async () => {
    browser = await launchChromium();
    pages = new SharedPage(browser);
    studio = await StudioProcess.create();
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  test("attempts at one prompt are started from the form, compared, and decided with one key; the list shows one task", async (t) => {
    const page = await pages.open(t);
    await signIn(page, studio);
    const repository = await createRepository(studio.directory);
    const checks =
      'checks:\n- {name: test, run: "grep -q x made.txt"}\n- {name: lint, run: "echo made.txt:1: ugly; exit 1"}\n';
    commit(repository, checks);
    const open = page.getByRole("button", { name: "New task" });
    if (await open.isVisible()) await open.click();
    await page.getByLabel("Repository").fill(repository);
    await page.locator('.repository-check[data-check="clean"]').waitFor();
    await page.locator('.agent-choice input[value="demo"]').check();
    const add = page.getByRole("button", { name: "Add an attempt" });
    for (let count = 0; count < 3; count++) await add.click();
    await page.getByRole("button", { name: "Remove attempt 4" }).click();
    assert.equal(await page.getByRole("combobox", { name: /^Attempt \d/ }).count(), 2);
    await page.locator(".attempts-row").nth(1).getByLabel("Mode").selectOption("auto");
    await assertAccessible(page, "the form with attempts");
    await keepScreenshot(page, "attempts-form-1280");
    await page.getByLabel("Describe the task").fill('write "x" to made.txt without asking');
    await page.getByRole("button", { name: "Start task" }).click();

    await page.waitForURL(/view=attempts/);
    const columns = page.locator("[data-attempt]");
    await columns.nth(2).waitFor();
    assert.equal(await columns.count(), 3);
    await waitForStatus(page, "idle");
    await columns.nth(2).getByText("made.txt").waitFor();
    await columns.nth(0).getByText("+1 −0 in 1 file").waitFor();
    await page.locator(".transcript").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Run checks for all" }).click();
    for (const index of [0, 1, 2]) {
      await columns.nth(index).getByText("test: passed").waitFor();
      await columns.nth(index).getByText("lint: failed").waitFor();
    }
    await columns.nth(2).getByText("auto", { exact: true }).waitFor();

    await columns.nth(0).focus();
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("d");
    const diff = page.getByRole("region", { name: "Changes of demo 2" });
    await diff.getByText("made.txt").first().waitFor();
    await assertAccessible(page, "the attempts with the changes of one");
    await keepScreenshot(page, "attempts-1280-light");
    await page.emulateMedia({ colorScheme: "dark" });
    await assertReadable(page, "the attempts, dark");
    await page.setViewportSize({ width: 320, height: 700 });
    await assertFits(page, "attempts");
    await page.setViewportSize({ width: 400, height: 800 });
    await keepScreenshot(page, "attempts-400-dark");
    await page.setViewportSize({ width: 1280, height: 900 });

    await page.goto(new URL("/", page.url()).href);
    const row = page.locator("[data-task]");
    await row.getByText("demo, 3 attempts").waitFor();
    assert.equal(await row.count(), 1);
    await page.goBack();
    await columns.nth(1).waitFor();

    await columns.nth(1).focus();
    await page.keyboard.press("k");
    const dialog = page.getByRole("dialog", { name: "Keep demo 2?" });
    await dialog.getByText(/This frees \d/).waitFor();
    await assertAccessible(page, "the choice of an attempt");
    await keepScreenshot(page, "attempts-keep-1280-dark");
    await page.keyboard.press("Enter");
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("tab", { name: /^Attempts/ }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Closed (2)" }).waitFor();
    await page.locator(".changes").getByText("made.txt").first().waitFor();
    assertNoTrouble(page);
  });

  test("an environment is prepared beside a new task; a failure names the step, and the next commit is tried", async (t) => {
    const repository = join(studio.directory, "repository");
    mkdirSync(repository);
    commit(repository, 'setup: [{name: install, run: "echo the reason; exit 3"}]\n');
    const page = await pages.open(t);
    await signIn(page, studio);
    await page.getByLabel("Repository").fill(repository);
    await page.getByText("Not prepared yet").waitFor();
    await page.getByRole("link", { name: "Environment" }).click();
    await page.getByRole("heading", { name: "Environment" }).waitFor();
    await page.getByRole("button", { name: "Prepare now" }).click();
    await page.getByRole("alert").getByText("exit code 3").waitFor();
    await page.locator(".environment-output").getByText("the reason").waitFor();
    await assertAccessible(page, "environment that failed");
    await keepScreenshot(page, "environment-failed");
    await page.getByRole("button", { name: "Open a terminal in the failed step" }).click();
    const terminal = page.getByRole("region", { name: "Terminal", exact: true });
    await terminal.getByText("Connected").waitFor();
    await terminal.locator(".xterm-helper-textarea").focus();
    await page.keyboard.type('sh -c "$HOLDFAST_STEP" || echo "again $?"\n');
    await terminal.getByText("again 3").first().waitFor();
    await assertAccessible(page, "terminal in a failed step");
    await keepScreenshot(page, "environment-terminal");
    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 320, height: 700 });
    await assertFits(page, "terminal in a failed step");
    await assertAccessible(page, "terminal in a failed step, dark");
    await keepScreenshot(page, "environment-terminal-320-dark");
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1280, height: 900 });

    commit(repository, 'setup: [{name: install, run: "echo all is well"}]\n');
    await page.reload();
    await page.getByRole("button", { name: "Prepare now" }).click();
    await page.locator('.environment-state [data-status="idle"]').waitFor();
    await page.getByText("install", { exact: true }).click();
    await page.locator(".environment-output").getByText("all is well").waitFor();
    await assertAccessible(page, "prepared environment");
    await keepScreenshot(page, "environment-prepared");

    assert.match(await studio.holdfast("environments", "show", "--repo", repository), /: prepared/);
    const again = await studio.holdfast("environments", "prepare", "--again", "--repo", repository);
    assert.match(again, /== install\nall is well\n[\s\S]*The environment is prepared\./);
    // The policy refuses the style elements of the terminal emulator, which has another way.
    assertNoTrouble(page, /Applying inline style violates/);
  });

  test("files of a prompt are pasted, dropped, refused with a reason, sent and shown; the text is never lost", async (t) => {
    const page = await pages.open(t, { colorScheme: "dark" });
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

  test("several sessions are started, told apart, stopped, named and closed, by keyboard alone", async (t) => {
    const page = await pages.open(t);
    await signIn(page, studio);
    await startTask(page, { prompt: "hang" });
    assert.equal(await tab(page, "demo").count(), 0, "a task with one session has no tabs for them");

    await page.getByTestId("new-session").focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog", { name: "New session" });
    await dialog.getByLabel("Name").fill("writer");
    await assertAccessible(page, "the dialog for a new session");
    await keepScreenshot(page, "new-session-1280");
    await dialog.getByLabel("First prompt").fill('write "two" to two.txt without asking');
    await page.keyboard.press("Control+Enter");

    await tab(page, "writer").and(page.locator('[aria-selected="true"]')).waitFor();
    assert.match(page.url(), /session=/);
    await page.locator(".changes").getByText("two.txt").first().waitFor({ timeout: 60_000 });
    // The first session still works, and so does the task.
    await tab(page, "demo working").waitFor();
    await waitForStatus(page, "running");
    const conversation = page.locator(".transcript");
    assert.equal(
      await conversation.getByText("hang", { exact: true }).count(),
      0,
      "each has its own conversation",
    );
    await assertAccessible(page, "a task with two sessions");
    await keepScreenshot(page, "sessions-1280-light");

    // What is sent goes to the session that is shown, and its draft stays with it.
    const composer = page.getByRole("textbox", { name: "Next prompt" });
    await composer.fill("hang");
    await page.keyboard.press("Control+Enter");
    await tab(page, "writer working").waitFor();
    await composer.fill("for the writer");
    await tab(page, "writer").focus();
    await page.keyboard.press("ArrowLeft");
    await tab(page, "demo").and(page.locator('[aria-selected="true"]')).waitFor();
    assert.equal(await composer.inputValue(), "");

    await page.getByRole("button", { name: "Stop demo" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Close demo" }).waitFor();
    await tab(page, "writer working").waitFor();
    await page.getByRole("button", { name: "Stop all" }).click();
    await waitForStatus(page, "stopped");

    await page.getByRole("button", { name: "Rename demo" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("planner");
    await page.keyboard.press("Enter");
    await tab(page, "planner").waitFor();
    await page.getByRole("button", { name: "Close planner" }).click();
    await page.getByRole("button", { name: "Close the session" }).click();
    await page.getByRole("button", { name: "Closed (1)" }).waitFor();
    await tab(page, "planner").waitFor({ state: "detached" });
    assert.equal(await composer.inputValue(), "for the writer");

    await page.getByRole("button", { name: "Closed (1)" }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: /planner/ })
      .click();
    await tab(page, "planner closed").waitFor();
    await conversation.getByText("hang", { exact: true }).waitFor();
    assert.equal(await composer.count(), 0);
    await assertAccessible(page, "a closed session");

    await page.emulateMedia({ colorScheme: "dark" });
    await page.setViewportSize({ width: 320, height: 700 });
    await assertFits(page, "sessions");
    await assertAccessible(page, "a closed session at 320 px, dark");
    await keepScreenshot(page, "sessions-320-dark");
    await page.setViewportSize({ width: 400, height: 800 });
    await tab(page, "writer").click();
    await keepScreenshot(page, "sessions-400-dark");
    await page.getByTestId("new-session").click();
    await assertFits(page, "sessions");
    await keepScreenshot(page, "new-session-400-dark");
    assertNoTrouble(page);
  });
});
