import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Dialog, Page } from "playwright-core";
import { assertAccessible, assertAccessibleInThemes } from "./support/axe.ts";
import { missing, type PageOptions, SharedPage, troubleOf } from "./support/browser.ts";
import { clickAndType, holds, moves, startDesktop, terminalScript } from "./support/desktop.ts";
import { keepScreenshot, openSignedIn, signIn, startTask, waitForStatus } from "./support/pages.ts";
import { StudioProcess } from "./support/studio.ts";

/** No fault: the policy refuses the style elements of the terminal emulator, which has another way. */
const expected = /Applying inline style violates/;

function assertNoTrouble(page: Page): void {
  assert.deepEqual(
    troubleOf(page).filter((text) => !expected.test(text)),
    [],
  );
}

/** Where the last row of the terminal with this text has it. The emulator draws its rows anew at any time. */
async function middleOf(page: Page, text: string): Promise<{ readonly x: number; readonly y: number }> {
  const found = await page.waitForFunction<{ readonly x: number; readonly y: number }>(`(() => {
    const spans = [...document.querySelectorAll(".xterm-rows span")];
    const box = spans.findLast((span) => span.textContent.includes(${JSON.stringify(text)}))?.getBoundingClientRect();
    return box?.width > 0 ? { x: box.x + box.width / 2, y: box.y + box.height / 2 } : false;
  })()`);
  return await found.jsonValue();
}

describe("the workspace of a task", { skip: missing() ?? false }, () => {
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

  /** Address of a task of the sample repository whose agent is done and still runs, which cases share. */
  let shared: string | undefined;

  async function openWorkspace(t: TestContext, options: Omit<PageOptions, "state"> = {}): Promise<Page> {
    const page = await pages.open(t, { width: 1400, height: 900, ...options });
    if (shared === undefined) {
      await signIn(page, studio);
      await startTask(page, { prompt: "Add a line to the README without asking" });
      shared = page.url();
    } else await openSignedIn(page, studio, shared);
    await waitForStatus(page, "idle");
    await page.getByRole("tab", { name: "Workspace" }).click();
    await tree(page).getByRole("treeitem", { name: "src", exact: true }).waitFor();
    return page;
  }

  const tree = (page: Page) => page.getByRole("tree", { name: "Files" });
  const editor = (page: Page) => page.getByRole("textbox", { name: "Text of the file" });
  const terminal = (page: Page) => page.getByRole("region", { name: "Terminal", exact: true });

  /** Writes a file in the sandbox, as the agent does. */
  async function write(page: Page, path: string, content: string): Promise<void> {
    const address = `${page.url().split("?")[0]}/sandbox/v1/fs/file?${new URLSearchParams({ path })}`;
    const answer = await page.request.put(address, {
      data: Buffer.from(content),
      headers: { "content-type": "application/octet-stream" },
    });
    assert.equal(answer.status(), 200, await answer.text());
  }

  async function openFile(page: Page, name: string): Promise<void> {
    await page.getByRole("searchbox", { name: "Search files" }).fill(name);
    await page.getByRole("list", { name: "Found" }).getByRole("button", { name }).click();
    await page.getByRole("searchbox", { name: "Search files" }).fill("");
  }

  async function openTerminal(page: Page): Promise<void> {
    await page.getByRole("button", { name: "New terminal" }).click();
    await terminal(page).getByText("Connected").waitFor();
    await terminal(page).locator(".xterm-helper-textarea").focus();
  }

  test("a file is found and repaired, and its test passes in a terminal", async (t) => {
    const page = await openWorkspace(t);
    await page.getByRole("combobox", { name: "Search in" }).selectOption("contents");
    await page.getByRole("searchbox", { name: "Search files" }).fill("[^a-z0-9]");
    await page
      .getByRole("list", { name: "Found" })
      .getByRole("button", { name: /src\/slugify\.ts:5/ })
      .click();
    await editor(page).getByText("[^a-z0-9]/g").waitFor();
    await page.getByRole("searchbox", { name: "Search files" }).fill("");
    await tree(page).getByRole("treeitem", { name: "slugify.ts", selected: true }).waitFor();
    await editor(page).locator(".hljs-keyword", { hasText: "export" }).waitFor();

    await openTerminal(page);
    await page.keyboard.type("npm test\n");
    await terminal(page)
      .getByText(/fail 1/)
      .first()
      .waitFor();
    // Line 5 is where the search has put the cursor.
    await editor(page).getByText("[^a-z0-9]/g").click();
    await page.keyboard.press("Home");
    for (const _ of ".replace(/[^a-z0-9]") await page.keyboard.press("ArrowRight");
    await page.keyboard.type("+");
    await tree(page).getByText("not saved").waitFor();
    await keepScreenshot(page, "workspace");
    // The edit, the file and the terminal are there again after another tab.
    await page.getByRole("tab", { name: "Conversation and changes" }).click();
    await page.locator('[data-file="README.md"]').first().waitFor();
    await page.getByRole("tab", { name: "Workspace" }).click();
    await tree(page).getByText("not saved").waitFor();
    await terminal(page).getByText("Connected").waitFor();
    await editor(page).getByText("[^a-z0-9]+/g").click();
    await page.keyboard.press("Control+s");
    await tree(page).getByText("not saved").waitFor({ state: "detached" });
    await terminal(page).locator(".xterm-helper-textarea").focus();
    await page.keyboard.type("clear; npm test\n");
    await terminal(page)
      .getByText(/fail 0/)
      .first()
      .waitFor();

    await page.getByRole("tab", { name: "Processes" }).click();
    await page.getByRole("list", { name: "Processes" }).getByText("Running").waitFor();
    await page.getByRole("button", { name: "Stop Terminal 1" }).click();
    await page.getByText("Nothing runs").waitFor();
    await page.getByRole("tab", { name: "Terminals" }).click();
    await page.getByRole("button", { name: "Close this terminal" }).click();
    await page.getByText("No terminal", { exact: true }).waitFor();
    await assertAccessible(page, "the workspace");
    assertNoTrouble(page);
  });

  test("what the agent writes appears, and an edit over it asks before it replaces it", async (t) => {
    const page = await openWorkspace(t);
    await openFile(page, "src/unique.ts");
    await editor(page).getByText("uniqueSlug").first().waitFor();
    await write(page, "/workspace/src/new-file.ts", "export const fresh = 1;\n");
    await write(page, "/workspace/src/unique.ts", "// written by the agent\n");
    await tree(page).getByRole("treeitem", { name: "new-file.ts" }).waitFor();
    await editor(page).getByText("written by the agent").waitFor();

    await editor(page).click();
    await page.keyboard.press("Control+End");
    await page.keyboard.type("// mine\n");
    await write(page, "/workspace/src/unique.ts", "// written again\n");
    const conflict = page.getByRole("alert").filter({ hasText: "has changed since you began" });
    await conflict.waitFor();
    await conflict.getByRole("button", { name: "Compare" }).click();
    await conflict.locator(".diff-removed", { hasText: "written again" }).waitFor();
    await conflict.locator(".diff-added", { hasText: "mine" }).waitFor();
    await keepScreenshot(page, "workspace-conflict");
    await conflict.getByRole("button", { name: "Discard mine" }).click();
    await editor(page).getByText("written again").waitFor();
    assert.equal(await editor(page).getByText("mine").count(), 0);

    await page.keyboard.press("Control+End");
    await editor(page).click();
    await page.keyboard.type("// mine ");
    await write(page, "/workspace/src/unique.ts", "// and again\n");
    await conflict.getByRole("button", { name: "Overwrite it with mine" }).click();
    await conflict.waitFor({ state: "detached" });
    await tree(page).getByText("not saved").waitFor({ state: "detached" });
    assertNoTrouble(page);
  });

  test("a hostile sandbox cannot script the page by names, contents, images or terminal output", async (t) => {
    const page = await openWorkspace(t);
    const title = await page.title();
    const script = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>';
    await write(page, `/workspace/${'<img src=x onerror=document.title="owned">\u202e'}.txt`, script);
    await write(
      page,
      "/workspace/picture.svg",
      `<svg xmlns="http://www.w3.org/2000/svg" onload="document.title='owned'"/>`,
    );
    await write(page, "/workspace/page.png", `\0<html>${script}</html>`);

    // A name and a content are text, with hidden characters shown.
    const named = tree(page).getByRole("treeitem", { name: "⟨U+202E⟩.txt" });
    await named.click();
    await editor(page).getByText("onerror").waitFor();
    // An SVG is the text that it is, and a page with the name of an image is none.
    await openFile(page, "picture.svg");
    await editor(page).getByText("onload").waitFor();
    await openFile(page, "page.png");
    await page.getByText("This is not an image that a browser shows.").waitFor();
    assert.equal(await page.locator("main img, main svg:not(.icon)").count(), 0);

    await openTerminal(page);
    const sequences = [
      "\\033]0;owned\\007",
      "\\033]2;owned\\007",
      // The clipboard, written and read.
      "\\033]52;c;b3duZWQ=\\007\\033]52;c;?\\007",
      "\\033]8;;javascript:document.title=1\\007script-link\\033]8;;\\007 ",
      "\\033]8;;https://evil.example/\\007plain-link\\033]8;;\\007 ",
      script.replaceAll('"', '\\"'),
    ];
    await page.keyboard.type(
      `printf '${sequences.join("").replaceAll("'", "")}'; echo; echo done-$((1+1))\n`,
    );
    await terminal(page).getByText("done-2").first().waitFor();
    const questions: string[] = [];
    const dismiss = (dialog: Dialog) => {
      questions.push(dialog.message());
      void dialog.dismiss();
    };
    page.on("dialog", dismiss);
    t.after(() => page.off("dialog", dismiss));
    for (const link of ["script-link", "plain-link"]) {
      const { x, y } = await middleOf(page, link);
      const asked = link === "plain-link" ? page.waitForEvent("dialog") : undefined;
      await page.mouse.move(x, y, { steps: 3 });
      await page.mouse.click(x, y);
      await asked;
    }
    // The address of a link is shown before it is opened, and one that is a script is no link.
    assert.equal(questions.length, 1);
    assert.match(questions[0] ?? "", /https:\/\/evil\.example/);
    assert.equal(await page.title(), title);
    assert.equal(await page.locator(".terminals img, .terminals script, .terminals a").count(), 0);
    assert.equal(page.context().pages().length, 1);
    assertNoTrouble(page);
  });

  test("the desktop in the jail: started, seen through the control socket, clicked and typed on", async (t) => {
    const page = await openWorkspace(t);
    await page.getByRole("button", { name: "Desktop", exact: true }).click();
    await startDesktop(page);
    const address = `${page.url().split("?")[0]}/sandbox/v1/`;
    const args = ["-geometry", "200x70+0+0", "-e", "sh", "-c", terminalScript];
    const launched = await page.request.post(`${address}desktop/launch`, {
      data: { app: "xterm", args, wait: true },
    });
    assert.equal(launched.status(), 200, await launched.text());
    await moves(page);
    const input = async () =>
      (await page.request.get(`${address}fs/file?path=/workspace/input.txt`)).text().catch(() => "");
    await clickAndType(page, "owl", input);
    await assertAccessibleInThemes(page, "the desktop of a task");
    await keepScreenshot(page, "workspace-desktop");
    await page.getByRole("button", { name: "Recordings" }).click();
    await page.getByRole("button", { name: "Start recording" }).click();
    await page.getByRole("button", { name: "Stop recording" }).click();
    await page.getByRole("button", { name: "Play rec_1.mp4" }).click();
    await holds(page, "document.querySelector('dialog video')?.videoWidth === 1280");
    await page.getByRole("dialog").getByRole("button", { name: "Close" }).click();
    await page.getByRole("button", { name: "Windows", exact: true }).click();
    await page
      .getByRole("list", { name: "Windows" })
      .getByRole("button", { name: /^Close / })
      .click();
    await page.getByText("No windows are open.").waitFor();
    await page.getByRole("button", { name: "Stop the desktop" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
    await page.getByText("No desktop is running").waitFor();
    assertNoTrouble(page);
  });

  test("a narrow window has one pane at a time, and a stopped sandbox starts again with a prompt", async (t) => {
    const page = await openWorkspace(t, { width: 390, height: 844, colorScheme: "dark" });
    await tree(page).getByRole("treeitem", { name: "README.md" }).click();
    await editor(page).getByText("Slugs").waitFor();
    await keepScreenshot(page, "workspace-narrow");
    await page.getByRole("tab", { name: "Terminals" }).click();
    await openTerminal(page);
    await page.keyboard.type("echo narrow-$((1+1))\n");
    await terminal(page).getByText("narrow-2").first().waitFor();
    await studio.kill();
    await studio.start();
    // Its files are read from their last state, and no sandbox starts for it.
    await page.getByText("The sandbox is not running.").waitFor();
    await page.reload();
    await tree(page).getByRole("treeitem", { name: "src", exact: true }).click();
    await page.getByRole("searchbox", { name: "Search files" }).fill("slug");
    await page.getByRole("list", { name: "Found" }).getByRole("button", { name: "src/slugify.ts" }).click();
    await editor(page).getByText("export").first().waitFor();
    assert.equal(await page.getByRole("tab", { name: "Terminals" }).count(), 0);
    await assertAccessible(page, "the files of a stopped sandbox");
    await keepScreenshot(page, "workspace-stopped");
    // While the page asks again whether there is a sandbox, it shows what it showed, in the pane that was chosen.
    await page.getByRole("tab", { name: "Files" }).click();
    const listings = /\/sandbox\/v1\/fs\/entries\?/;
    const isHeld = Promise.withResolvers<void>();
    await page.route(listings, async (route) => {
      await isHeld.promise;
      await route.continue();
    });
    await page.getByRole("tab", { name: "Conversation" }).click();
    const listing = page.waitForRequest(listings);
    await page.getByRole("tab", { name: "Workspace" }).click();
    await listing;
    await tree(page).getByRole("treeitem", { name: "README.md" }).waitFor();
    assert.equal(await page.getByRole("tab", { name: "Terminals" }).count(), 0);
    isHeld.resolve();
    await page.unrouteAll({ behavior: "wait" });
    await page.getByRole("tab", { name: "File", exact: true }).click();
    await page.getByRole("button", { name: "Send a prompt to start it again" }).click();
    // The prompt starts it; the workspace is there again by itself.
    await page.getByRole("textbox", { name: "Next prompt" }).fill("Add a line to the README without asking");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("tab", { name: "Workspace" }).click();
    await page.getByRole("tab", { name: "Terminals" }).waitFor();
    await page.getByRole("tab", { name: "Files" }).click();
    await tree(page).getByRole("treeitem", { name: "README.md" }).waitFor();
  });
});
