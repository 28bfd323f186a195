import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { createSandboxServer, type SandboxServer } from "@holdfast/sandbox";
import { buildInspectorUrl } from "@holdfast/sandbox-client";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { type Cleanup, openPage, SharedPage, troubleOf } from "./support/browser.ts";
import { clickAndType, moves, startDesktop, terminalScript } from "./support/desktop.ts";

/**
 * Faults of the page. The policy refuses the style elements of the terminal emulator, which has another
 * way; and the server refuses what these tests send to be refused.
 */
const expected = /Applying inline style violates|status of 4(12|22)/;

function assertNoTrouble(page: Page): void {
  assert.deepEqual(
    troubleOf(page).filter((text) => !expected.test(text)),
    [],
  );
}

/** Waits until `truth` holds in a frame that the page draws; as text, which the page's policy would not evaluate. */
async function drawn(page: Page, truth: string): Promise<void> {
  await page.evaluate(`new Promise((resolve) => {
    const look = () => ((${truth}) ? resolve() : requestAnimationFrame(look));
    look();
  })`);
}

describe("the inspector of a sandbox server", { skip: missingChromium }, () => {
  let directory: string;
  let work: string;
  let server: SandboxServer;
  let browser: Browser;
  let pages: SharedPage;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "holdfast-sandbox-ui-"));
    work = join(directory, "work");
    await mkdir(join(directory, "home"));
    await mkdir(join(work, "notes"), { recursive: true });
    await writeFile(join(work, "README.md"), "# Sample\n");
    await writeFile(join(work, "picture.bin"), new Uint8Array([0, 1, 2, 255]));
    server = await createSandboxServer({
      listen: { host: "127.0.0.1", port: 0 },
      cwd: work,
      home: join(directory, "home"),
    });
    browser = await launchChromium();
    pages = new SharedPage(browser);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  /** A page that was opened by the link that a client library makes, with a path and a query. */
  async function open(t: Cleanup, path = "", width = 1280): Promise<Page> {
    const page = await pages.open(t, { width });
    const { url = "", token = "" } = server;
    const link = new URL(buildInspectorUrl({ baseUrl: url, token }));
    const [folder = "", search = ""] = path.split("?");
    link.pathname += folder;
    for (const [name, value] of new URLSearchParams(search)) link.searchParams.set(name, value);
    await page.goto(link.href);
    await page.getByRole("navigation", { name: "Main" }).waitFor();
    return page;
  }

  async function call(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${server.token}`, ...init.headers };
    return await fetch(`${server.url}${path}`, { ...init, headers });
  }

  async function openSession(page: Page): Promise<void> {
    await page.getByRole("link", { name: "New", exact: true }).click();
    await page.getByRole("button", { name: "Open session" }).click();
    await page.getByRole("textbox", { name: "Prompt" }).waitFor();
  }

  async function prompt(page: Page, text: string): Promise<void> {
    await page.getByRole("textbox", { name: "Prompt" }).fill(text);
    await page.keyboard.press("Enter");
  }

  test("a token leaves the address, stays with the tab, and is asked for where it is missing", async (t) => {
    const page = await open(t);
    assert.equal(page.url(), `${server.url}/ui/sessions`);
    await page.reload();
    await page.getByRole("heading", { name: "New session" }).waitFor();

    const other = await openPage(browser, t);
    await other.goto(`${server.url}/ui/files`);
    await other.getByLabel("Token").fill("wrong");
    await other.getByRole("button", { name: "Connect" }).click();
    await other.getByText("The server rejected this token.").waitFor();
    // The printed link, pasted into this tab, differs from its address by the fragment alone.
    const third = await openPage(browser, t);
    await third.goto(`${server.url}/ui/`);
    await third.getByLabel("Token").waitFor();
    await third.goto(`${server.url}/ui/#token=${server.token}`);
    await third.getByRole("heading", { name: "New session" }).waitFor();
    assert.equal(new URL(third.url()).hash, "");
    await assertAccessible(other, "the question for the token");
    await other.getByLabel("Token").fill(server.token ?? "");
    await other.keyboard.press("Enter");
    await other.getByRole("table").or(other.getByText("This folder is empty.")).first().waitFor();
    assert.equal(other.url(), `${server.url}/ui/files`);
    assertNoTrouble(page);
    assertNoTrouble(other);
  });

  test("a server that does not answer when the page opens is found once it does", async (t) => {
    const page = await openPage(browser, t);
    let asked = 0;
    const back = Promise.withResolvers<void>();
    await page.route("**/v1/health", async (route) => {
      asked += 1;
      if (asked === 1) return route.abort("connectionrefused");
      await back.promise;
      await route.continue();
    });
    const { url = "", token = "" } = server;
    await page.goto(buildInspectorUrl({ baseUrl: url, token }));
    await page.getByText("The server does not answer.").waitFor();
    back.resolve();
    await page.getByRole("navigation", { name: "Main" }).waitFor();
    assert.equal(asked, 2);
    assertNoTrouble(page);
  });

  test("a part that does not load leaves the others usable, and comes when it can", async (t) => {
    const page = await open(t);
    await page.route("**/assets/files-screen*", (route) => route.abort());
    await page.route("**/ui/files", (route) => route.abort());
    await page.getByRole("link", { name: "Files" }).click();
    await page.getByRole("heading", { name: "This page could not be loaded" }).waitFor();
    await page.getByRole("link", { name: "Processes" }).click();
    await page.getByRole("heading", { name: "New process" }).waitFor();
    await page.getByRole("link", { name: "Files" }).click();
    await page.getByRole("heading", { name: "This page could not be loaded" }).waitFor();
    await page.unrouteAll();
    await page.getByRole("table").or(page.getByText("This folder is empty.")).first().waitFor();
  });

  test("a session from its prompt to its end: events as they come, a question answered in place", async (t) => {
    const page = await open(t);
    await openSession(page);
    await prompt(page, 'add the line "seen in the inspector" to README.md');
    const conversation = page.getByRole("log", { name: "Transcript" });
    await conversation.getByRole("button", { name: "Allow once" }).waitFor();
    await page.getByTestId("pending-count").waitFor();
    await assertAccessible(page, "a conversation with a question");
    assert.equal(await readFile(join(work, "README.md"), "utf8"), "# Sample\n");
    await conversation.getByRole("button", { name: "Allow once" }).click();
    await conversation.getByText("Done.").waitFor();
    await page.getByTestId("pending-count").waitFor({ state: "detached" });
    assert.match(await readFile(join(work, "README.md"), "utf8"), /seen in the inspector/);

    await page.getByRole("tab", { name: /^Events/ }).click();
    const events = page.getByTestId("events");
    await page.locator('[data-link="live"]').waitFor();
    await events.getByText("_session/prompt").last().waitFor();
    const numbers = await events.locator(".event-number").allTextContents();
    assert.deepEqual(
      numbers.map(Number),
      numbers.map((_, index) => index + 1),
    );
    await assertAccessible(page, "the events of a session");
    await page.getByLabel("Sender").selectOption("client");
    await events.getByText("_session/prompt").first().waitFor({ state: "detached" });
    await page.getByLabel("Search").fill("seen in the inspector");
    await events.locator("li").nth(1).waitFor({ state: "detached" });
    await events.locator("summary").click();
    await events.getByText('"method": "session/prompt"').waitFor();
    assertNoTrouble(page);
  });

  test("the scroll position in the events is kept, also if the list was empty at first", async (t) => {
    const page = await open(t);
    await openSession(page);
    await prompt(page, "run `echo one` without asking");
    await page.getByRole("log", { name: "Transcript" }).getByText("Done.").waitFor();
    const id = page.url().split("/").at(-1);
    const held = Promise.withResolvers<void>();
    await page.route(/\/v1\/sessions\/[^/]+\/events/, async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.reload();
    await page.getByRole("tab", { name: /^Events/ }).click();
    await page.getByText("No messages yet.").waitFor();
    await page.setViewportSize({ width: 1280, height: 480 });
    held.resolve();
    const events = page.getByTestId("events");
    await events.getByText(/, end_turn$/).waitFor();
    const scrollTop = "document.querySelector('.tab-panel').scrollTop";
    assert.ok((await page.evaluate<number>(scrollTop)) > 0, "the end is shown");
    // Two frames: a scroll event is dispatched with the next one.
    await page.evaluate(`(${scrollTop} = 0, new Promise((told) => {
      requestAnimationFrame(() => requestAnimationFrame(told));
    }))`);
    const body = JSON.stringify({ prompt: "run `echo two` without asking" });
    const headers = { "content-type": "application/json" };
    await call(`/v1/sessions/${id}/prompt`, { method: "POST", headers, body });
    await events
      .getByText(/, end_turn$/)
      .nth(1)
      .waitFor();
    assert.equal(await page.evaluate(scrollTop), 0);
    assertNoTrouble(page);
  });

  test("mode, model and thought level are chosen by keyboard, and hold for the next prompt", async (t) => {
    const page = await open(t);
    await page.getByRole("link", { name: "New", exact: true }).click();
    await page.getByRole("radio", { name: "mock", exact: true }).check();
    await page.getByRole("button", { name: "Open session" }).click();
    const settings = page.getByRole("group", { name: "Settings of the agent" });
    const [mode, model, thinking] = ["Mode", "Model", "Thinking"].map((name) =>
      settings.getByLabel(name, { exact: true }),
    );
    assert.ok(mode && model && thinking);
    await assertAccessible(page, "the settings of a session");
    const said = page.getByRole("status");
    await model.focus();
    await page.keyboard.press("ArrowDown");
    await said.getByText("Model: Mock Fast").waitFor({ state: "attached" });
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowDown");
    await said.getByText("Thinking: Medium").waitFor({ state: "attached" });
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await said.getByText("Mode: Plan").waitFor({ state: "attached" });

    const id = page.url().split("/").at(-1);
    const session = (await (await call(`/v1/sessions/${id}`)).json()) as Record<string, unknown>;
    assert.deepEqual([session.mode, session.model, session.thoughtLevel], ["plan", "mock-fast", "medium"]);
    await page.reload();
    await mode.waitFor();
    assert.deepEqual(await Promise.all([mode, model, thinking].map((field) => field.inputValue())), [
      "plan",
      "mock-fast",
      "medium",
    ]);
    assertNoTrouble(page);
  });

  test("text typed while a prompt is sent becomes the next prompt", async (t) => {
    const page = await open(t);
    await openSession(page);
    const held = Promise.withResolvers<void>();
    await page.route("**/v1/sessions/*/prompt", async (route) => {
      await held.promise;
      await route.continue();
    });
    const send = page.getByRole("button", { name: "Send" });
    const transcript = page.getByRole("log", { name: "Transcript" });
    await prompt(page, "run `echo one` without asking");
    await page.getByRole("textbox", { name: "Prompt" }).pressSequentially("run `echo two` without asking");
    held.resolve();
    await send.and(page.locator(":enabled")).click();
    await transcript.getByText("run `echo one` without asking", { exact: true }).waitFor();
    await transcript.getByText("run `echo two` without asking", { exact: true }).waitFor();
    assertNoTrouble(page);
  });

  test("a draft survives a visit to the session's details", async (t) => {
    const page = await open(t);
    await openSession(page);
    const field = page.getByRole("textbox", { name: "Prompt" });
    await field.fill("not sent yet");
    await page.getByRole("tab", { name: "Details" }).click();
    await page.getByText("agentSessionId").waitFor();
    assert.equal(await field.isVisible(), false);
    await page.getByRole("tab", { name: "Conversation" }).click();
    await field.waitFor();
    assert.equal(await field.inputValue(), "not sent yet");
    assertNoTrouble(page);
  });

  test("a session deleted elsewhere disappears", async (t) => {
    const page = await open(t);
    await openSession(page);
    await call(`/v1/sessions/${page.url().split("/").at(-1)}`, { method: "DELETE" });
    await page.getByRole("alert").getByText("sandbox.session_not_found").waitFor();
    assert.equal(await page.getByRole("textbox", { name: "Prompt" }).count(), 0);
  });

  test("a prompt whose answer was lost is sent again as itself; another text is another prompt", async (t) => {
    const page = await open(t);
    // A page that comes over plain HTTP from another machine has no such function.
    await page.evaluate("delete Crypto.prototype.randomUUID");
    await openSession(page);
    const texts: string[] = [];
    await page.route("**/v1/sessions/*/prompt", async (route) => {
      texts.push(route.request().postDataJSON().prompt);
      if (texts.length === 3) return await route.continue();
      await route.fetch();
      await route.abort("connectionrefused");
    });
    const lost = page.getByRole("alert").getByText("The server does not answer.");
    const first = "run `echo one` without asking";
    const promptFails = () =>
      page.waitForEvent("requestfailed", (request) => request.url().endsWith("/prompt"));
    const firstFailure = promptFails();
    await prompt(page, first);
    await firstFailure;
    await lost.waitFor();
    const secondFailure = promptFails();
    await page.keyboard.press("Enter");
    await secondFailure;
    await page.getByRole("button", { name: "Send" }).and(page.locator(":enabled")).waitFor();
    await prompt(page, "run `echo two` without asking");
    const transcript = page.getByRole("log", { name: "Transcript" });
    await transcript.getByText("run `echo two` without asking", { exact: true }).waitFor();
    assert.deepEqual(texts.slice(0, 2), [first, first]);
    assert.equal(await transcript.getByText(first, { exact: true }).count(), 1);
    assertNoTrouble(page);
  });

  test("a permission is answered from the list of all, and what became of each is shown", async (t) => {
    const page = await open(t);
    await openSession(page);
    await prompt(page, 'write "from the list" to LIST.md');
    await page.getByTestId("pending-count").waitFor();
    await page.getByRole("link", { name: /^Permissions/ }).click();
    const card = page.getByRole("article").first();
    await card.getByText("Pending", { exact: true }).waitFor();
    await assertAccessible(page, "the permissions");
    await card.getByRole("button", { name: "Reject" }).click();
    await card.getByText("by a client").waitFor();
    await page.getByLabel("State").selectOption("pending");
    await page.getByText("No permission requests yet.").waitFor();
    assert.equal(existsSync(join(work, "LIST.md")), false);

    // A cancelled turn takes its question along.
    await page.goBack();
    await prompt(page, 'write "never" to LIST.md');
    await page.getByTestId("pending-count").waitFor();
    await page.getByRole("button", { name: "Cancel turn" }).click();
    await page.getByTestId("pending-count").waitFor({ state: "detached" });
    await page.getByRole("tab", { name: /^Permissions/ }).click();
    await page.getByText("Cancelled", { exact: true }).first().waitFor();
    assertNoTrouble(page);
  });

  test("a process: started, followed, spoken to, stopped, deleted", async (t) => {
    const page = await open(t, "processes");
    await page.getByLabel("Command").fill(`sh -c 'echo started; echo "bad <b>news</b>" >&2; cat'`);
    await page.getByRole("button", { name: "Start" }).click();
    const output = page.getByRole("log", { name: "Output" });
    await output.getByText("started").waitFor();
    await output.locator(".output-error").getByText("bad <b>news</b>").waitFor();
    await page.getByLabel("Input").fill("echoed");
    await page.keyboard.press("Enter");
    await output.getByText("echoed").waitFor();
    // Text typed while a line is sent becomes the next one.
    const held = Promise.withResolvers<void>();
    await page.route("**/v1/processes/*/input", async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.getByLabel("Input").fill("line one");
    await page.keyboard.press("Enter");
    await page.getByLabel("Input").pressSequentially("line two");
    held.resolve();
    await page.getByRole("button", { name: "Send line" }).click();
    await output.getByText("line one").waitFor();
    await output.getByText("line two").waitFor();
    await assertAccessible(page, "a process");
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    const dialog = page.getByRole("dialog");
    await assertAccessible(page, "the question before a deletion");
    await dialog.getByRole("button", { name: "Delete" }).click();
    await page.getByText("No processes yet.").waitFor();
    const { processes } = (await (await call("/v1/processes")).json()) as { processes: unknown[] };
    assert.deepEqual(processes, []);
    assertNoTrouble(page);
  });

  test("a double click opens one shell", async (t) => {
    const page = await open(t, "processes");
    let starts = 0;
    page.on("request", (request) => {
      if (request.method() === "POST" && request.url().endsWith("/v1/processes")) starts += 1;
    });
    await page.getByRole("button", { name: "Open a shell" }).dblclick();
    const terminal = page.getByRole("region", { name: "Terminal" });
    await terminal.getByText("Connected").waitFor();
    assert.equal(starts, 1);
    await terminal.locator(".xterm-helper-textarea").focus();
    await page.keyboard.type("exit 5\n");
    await page.getByText("Exited with 5").first().waitFor();
    assertNoTrouble(page);
  });

  test("a shell in a terminal", async (t) => {
    const page = await open(t, "processes");
    await page.getByRole("button", { name: "Open a shell" }).click();
    const terminal = page.getByRole("region", { name: "Terminal" });
    await terminal.getByText("Connected").waitFor();
    await terminal.locator(".xterm-helper-textarea").focus();
    await page.keyboard.type("echo $((6 * 7)) > answer.txt; exit 3\n");
    await page.getByText("Exited with 3").first().waitFor();
    assert.equal(await readFile(join(work, "answer.txt"), "utf8"), "42\n");
    await page.getByRole("log", { name: "Output" }).getByText("echo $((6 * 7))").waitFor();
    assertNoTrouble(page);
  });

  test("the last line of a terminal is fully visible at any size", async (t) => {
    const page = await open(t, "processes");
    await page.getByRole("button", { name: "Open a shell" }).click();
    const terminal = page.getByRole("region", { name: "Terminal" });
    await terminal.getByText("Connected").waitFor();
    const fits = `(() => {
      const frame = document.querySelector(".sa-process-terminal-screen");
      const rows = frame.querySelector(".xterm-screen").getBoundingClientRect();
      const { bottom, right } = frame.getBoundingClientRect();
      return rows.height > 0 && rows.bottom <= bottom - 8 && rows.right <= right - 8;
    })()`;
    for (let height = 700; height < 716; height += 3) {
      await page.setViewportSize({ width: height + 200, height });
      await drawn(page, fits);
    }
    await page.locator(".sa-process-terminal-screen").click({ position: { x: 3, y: 3 } });
    await page.keyboard.type("exit 4\n");
    await page.getByText("Exited with 4").first().waitFor();
  });

  test("a long name of a file pushes nothing out of view, and the current page is in view on a phone", async (t) => {
    const name = `${"n".repeat(200)}.txt`;
    await writeFile(join(work, name), "");
    t.after(() => rm(join(work, name)));
    const page = await open(t, `files?${new URLSearchParams({ path: work })}`);
    await page.getByRole("link", { name }).waitFor();
    const surplus = await page.evaluate<number>(`(() => {
      const box = document.querySelector(".table-box");
      return box.scrollWidth - box.clientWidth;
    })()`);
    assert.equal(surplus, 0);
    await page.setViewportSize({ width: 360, height: 740 });
    await page.getByRole("link", { name: "Configuration" }).click();
    await page.getByRole("heading", { name: "Configuration" }).waitFor();
    await drawn(
      page,
      `(() => {
      const strip = document.querySelector(".top nav").getBoundingClientRect();
      const link = document.querySelector('.top nav [aria-current="page"]').getBoundingClientRect();
      return link.left >= strip.left && link.right < strip.right + 2;
    })()`,
    );
    await page.goto(`${server.url}/ui/config`);
    await drawn(
      page,
      `(() => {
      const strip = document.querySelector(".top nav")?.getBoundingClientRect();
      const link = document.querySelector('.top nav [aria-current="page"]')?.getBoundingClientRect();
      return strip !== undefined && link !== undefined && link.right < strip.right + 2;
    })()`,
    );
  });

  test("a file is changed, and never over somebody else's change without being asked", async (t) => {
    const page = await open(t, `files?${new URLSearchParams({ path: work })}`);
    const files = page.getByTestId("files");
    await files.getByRole("link", { name: "README.md" }).click();
    const text = page.getByLabel("Text of the file");
    await text.fill("# Edited\n");
    await assertAccessible(page, "a file");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor({ state: "attached" });
    assert.equal(await readFile(join(work, "README.md"), "utf8"), "# Edited\n");

    await text.fill("# Mine\n");
    await writeFile(join(work, "README.md"), "# Somebody else's\n");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("it has changed since you opened it").waitFor();
    assert.equal(await readFile(join(work, "README.md"), "utf8"), "# Somebody else's\n");
    await page.getByRole("button", { name: "Reload the file" }).click();
    await page.getByText("it has changed since you opened it").waitFor({ state: "detached" });
    assert.equal(await text.inputValue(), "# Somebody else's\n");
    await files.getByRole("link", { name: "picture.bin" }).click();
    await page.getByText("The file is not text.").waitFor();
    assertNoTrouble(page);
  });

  test("an edited file of Windows keeps its line ends", async (t) => {
    await writeFile(join(work, "windows.txt"), "one\r\ntwo\r\nthree\r\n");
    t.after(() => rm(join(work, "windows.txt")));
    const page = await open(t, `files?${new URLSearchParams({ path: work })}`);
    await page.getByTestId("files").getByRole("link", { name: "windows.txt" }).click();
    await page.getByLabel("Text of the file").fill("one\n2\nthree\n");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor({ state: "attached" });
    assert.equal(await readFile(join(work, "windows.txt"), "utf8"), "one\r\n2\r\nthree\r\n");
    assertNoTrouble(page);
  });

  test("the list of files fits the narrowest page", async (t) => {
    const page = await open(t, `files?${new URLSearchParams({ path: work })}`, 320);
    await page.getByTestId("files").waitFor();
    const [content, room] = await page.evaluate<readonly [number, number]>(
      "[document.documentElement.scrollWidth, document.documentElement.clientWidth]",
    );
    assert.ok(content <= room, `${content - room} pixels too wide`);
    assertNoTrouble(page);
  });

  test("files are uploaded, moved, downloaded and deleted; what changes elsewhere appears by itself", async (t) => {
    const page = await open(t, `files?${new URLSearchParams({ path: join(work, "notes") })}`);
    await page.getByText("This folder is empty.").waitFor();
    await page.getByRole("button", { name: "New folder" }).click();
    await page.getByLabel("Name").fill("kept");
    await page.keyboard.press("Enter");
    const files = page.getByTestId("files");
    await files.getByRole("link", { name: /^kept/ }).waitFor();

    const note = { name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("one") };
    await page.locator('input[type="file"]').setInputFiles(note);
    await files.getByRole("link", { name: "note.txt" }).waitFor();
    await page.locator('input[type="file"]').setInputFiles({ ...note, buffer: Buffer.from("two") });
    await page.getByText("Existing files: note.txt.").waitFor();
    assert.equal(await readFile(join(work, "notes/note.txt"), "utf8"), "one");
    await page.getByRole("button", { name: "Replace" }).click();
    await page.getByText("Existing files").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Upload", exact: true }).waitFor();
    assert.equal(await readFile(join(work, "notes/note.txt"), "utf8"), "two");

    const downloading = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download note.txt" }).click();
    const download = await downloading;
    assert.equal(download.suggestedFilename(), "note.txt");
    assert.equal(await readFile(await download.path(), "utf8"), "two");

    await writeFile(join(work, "notes/elsewhere.txt"), "");
    await files.getByRole("link", { name: "elsewhere.txt" }).waitFor();

    await page.getByRole("button", { name: "Move note.txt" }).click();
    await page.getByLabel("New path").fill(join(work, "notes/moved.txt"));
    await page.keyboard.press("Enter");
    await files.getByRole("link", { name: "moved.txt" }).waitFor();
    await page.getByRole("button", { name: "Delete moved.txt" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await files.getByRole("link", { name: "moved.txt" }).waitFor({ state: "detached" });
    assert.equal(existsSync(join(work, "notes/moved.txt")), false);
    assertNoTrouble(page);
  });

  test("a file that is there already is replaced where it was to go, whatever folder is shown by then", async (t) => {
    for (const folder of ["one", "two"]) {
      await mkdir(join(work, folder));
      await writeFile(join(work, folder, "same.txt"), folder);
      t.after(() => rm(join(work, folder), { recursive: true }));
    }
    const page = await open(t, `files?${new URLSearchParams({ path: join(work, "one") })}`);
    const mine = { name: "same.txt", mimeType: "text/plain", buffer: Buffer.from("mine") };
    await page.locator('input[type="file"]').setInputFiles(mine);
    await page.getByText("Existing files: same.txt.").waitFor();
    const crumbs = page.getByRole("navigation", { name: "Folder" });
    await crumbs.getByRole("link", { name: "work" }).click();
    await page.getByTestId("files").getByRole("link", { name: /^two/ }).click();
    await crumbs.getByRole("link", { name: "two" }).waitFor();
    await page.getByRole("button", { name: "Replace" }).click();
    await page.getByText("Existing files").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Upload", exact: true }).waitFor();
    assert.equal(await readFile(join(work, "two/same.txt"), "utf8"), "two");
    assert.equal(await readFile(join(work, "one/same.txt"), "utf8"), "mine");
    assertNoTrouble(page);
  });

  test("a folder whose name is not UTF-8 is opened, and takes files", async (t) => {
    const odd = Buffer.concat([Buffer.from(join(work, "odd-")), Buffer.of(0xff)]);
    await mkdir(odd);
    t.after(() => rm(odd, { recursive: true }));
    await writeFile(Buffer.concat([odd, Buffer.from("/inside.txt")]), "");
    const page = await open(t, `files?${new URLSearchParams({ path: work })}`);
    const files = page.getByTestId("files");
    await files.getByRole("link", { name: /^odd-/ }).click();
    await files.getByRole("link", { name: "inside.txt" }).waitFor();
    const note = { name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("one") };
    await page.locator('input[type="file"]').setInputFiles(note);
    await files.getByRole("link", { name: "note.txt" }).waitFor();
    assert.equal(await readFile(Buffer.concat([odd, Buffer.from("/note.txt")]), "utf8"), "one");
    await page.getByRole("button", { name: "New folder" }).click();
    await page.getByLabel("Name").fill("below");
    await page.keyboard.press("Enter");
    await files.getByRole("link", { name: /^below/ }).waitFor();
    assertNoTrouble(page);
  });

  test("of a large folder the beginning is drawn, and the rest when it is asked for", async (t) => {
    const large = join(work, "large");
    await mkdir(large);
    t.after(() => rm(large, { recursive: true }));
    for (let at = 0; at < 302; at += 1) await writeFile(join(large, `file-${at}.txt`), "");
    const page = await open(t, `files?${new URLSearchParams({ path: large })}`);
    const rows = page.getByTestId("files").locator("tbody tr");
    await rows.first().waitFor();
    assert.equal(await rows.count(), 300);
    await page.getByRole("button", { name: "Show 2 more of 302" }).click();
    await rows.nth(301).waitFor();
    assertNoTrouble(page);
  });

  test("of very many sessions the newest are drawn, and the rest when it is asked for", async (t) => {
    const dataDirectory = join(directory, "many");
    const options = {
      ...{ listen: { host: "127.0.0.1", port: 0 }, cwd: work, home: join(directory, "home") },
      ...{ dataDirectory, token: "many" },
    };
    const first = await createSandboxServer(options);
    const made = await fetch(`${first.url}/v1/sessions`, {
      method: "POST",
      headers: { authorization: "Bearer many", "content-type": "application/json" },
      body: JSON.stringify({ agent: "demo", title: "Many" }),
    });
    assert.equal(made.status, 201);
    await first.close();
    const database = new DatabaseSync(join(dataDirectory, "sessions.db"));
    database.exec(`WITH RECURSIVE copy (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < 301)
      INSERT INTO sessions (id, created_at, version, data)
      SELECT 'copy-' || n, created_at + n, version, json_set(data, '$.id', 'copy-' || n) FROM sessions, copy`);
    database.close();
    const many = await createSandboxServer(options);
    t.after(() => many.close());
    const page = await openPage(browser, t, { width: 1280 });
    await page.goto(buildInspectorUrl({ baseUrl: many.url ?? "", token: "many" }));
    const rows = page.getByTestId("sessions").locator("li");
    await rows.first().waitFor();
    assert.equal(await rows.count(), 300);
    await page.getByRole("button", { name: "Show 2 more of 302" }).click();
    await rows.nth(301).waitFor();
    assertNoTrouble(page);
  });

  test("a folder is watched again after its server was away", async (t) => {
    const shown = join(directory, "shown");
    const home = join(directory, "home-of-another");
    await Promise.all([mkdir(shown), mkdir(home)]);
    await writeFile(join(shown, "before.txt"), "");
    const start = (port: number) =>
      createSandboxServer({
        listen: { host: "127.0.0.1", port },
        token: "the-same-token",
        cwd: shown,
        home,
      });
    let mortal = await start(0);
    t.after(() => mortal.close());
    const page = await openPage(browser, t);
    const query = new URLSearchParams({ path: shown });
    await page.goto(`${mortal.url}/ui/files?${query}#token=the-same-token`);
    const files = page.getByTestId("files");
    await files.getByRole("link", { name: "before.txt" }).waitFor();
    await mortal.close();
    await page.getByTestId("offline-banner").waitFor();
    await writeFile(join(shown, "meanwhile.txt"), "");
    mortal = await start(Number(new URL(mortal.url ?? "").port));
    await files.getByRole("link", { name: "meanwhile.txt" }).waitFor();
    await writeFile(join(shown, "after.txt"), "");
    await files.getByRole("link", { name: "after.txt" }).waitFor();
  });

  test("agents and the configuration of a folder", async (t) => {
    const page = await open(t, "agents");
    await page.getByRole("button", { name: "Install codex" }).waitFor();
    await assertAccessible(page, "the agents");
    await page.getByRole("link", { name: "Configuration" }).click();
    await page.getByRole("button", { name: "Add MCP server" }).click();
    await page.getByLabel("Name").fill("tools");
    const json = page.getByLabel("JSON of the new MCP server");
    await json.fill("{");
    await page.getByText("This is not a JSON object.").waitFor();
    await json.fill('{ "type": "remote" }');
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("The entry was not saved.").waitFor();
    await json.fill('{ "type": "local", "command": "some-server" }');
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("article", { name: "tools" }).waitFor();
    await assertAccessible(page, "the configuration");
    // A new file does not replace an existing one.
    await page.getByRole("button", { name: "Add MCP server" }).click();
    await page.getByLabel("Name").fill(" tools");
    const fresh = page.getByRole("article", { name: "New MCP server" });
    assert.equal(await fresh.getByRole("button", { name: "Save" }).isDisabled(), true);
    await page.getByText("This name is taken").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    const saved = await call(`/v1/config/mcp?${new URLSearchParams({ directory: work, mcpName: "tools" })}`);
    assert.deepEqual(await saved.json(), { type: "local", command: "some-server", args: [] });
    // Text typed during saving stays.
    const held = Promise.withResolvers<void>();
    await page.route("**/v1/config/mcp?*", async (route) => {
      if (route.request().method() === "PUT") await held.promise;
      await route.continue();
    });
    const kept = page.getByLabel("JSON of tools");
    await kept.fill('{ "type": "local", "command": "second" }');
    await page.getByRole("button", { name: "Save" }).click();
    await kept.fill('{ "type": "local", "command": "third" }');
    const stored = page.waitForResponse((response) => response.request().method() === "PUT");
    held.resolve();
    assert.ok((await stored).ok());
    await page.getByRole("button", { name: "Save" }).and(page.locator(":enabled")).waitFor();
    assert.equal(await kept.inputValue(), '{ "type": "local", "command": "third" }');
    await page.getByRole("button", { name: "Delete MCP server tools" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("article", { name: "tools" }).waitFor({ state: "detached" });
    assertNoTrouble(page);
  });

  test("the desktop: started, live, used, and left by the keyboard", async (t) => {
    const page = await open(t, "desktop");
    await page.getByText("No desktop is running").waitFor();
    await assertAccessible(page, "a server without a desktop");
    await startDesktop(page);
    const args = ["-geometry", "200x70+0+0", "-e", "sh", "-c", terminalScript];
    const launched = await call("/v1/desktop/launch", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ app: "xterm", args, wait: true }),
    });
    assert.equal(launched.status, 200);
    await moves(page);
    await clickAndType(page, "owl");
    const input = () => readFile(join(work, "input.txt"), "utf8");
    while (!/\[M.*\[M#/s.test(await input()) || !(await input()).includes("owl")) await moves(page);
    await page.keyboard.press("Control+Alt+Escape");
    await drawn(page, "document.activeElement.matches('.sa-desktop-viewer')");
    await page.getByRole("button", { name: "Clipboard" }).click();
    const text = page.getByLabel("Text of the desktop’s clipboard");
    await text.fill("for the desktop");
    await page.getByRole("button", { name: "Set on the desktop" }).click();
    await page.getByText("The clipboard of the desktop has the text.").waitFor({ state: "attached" });
    await text.fill("");
    await page.getByRole("button", { name: "Read from the desktop" }).click();
    await drawn(page, "document.querySelector('textarea').value === 'for the desktop'");
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await assertAccessible(page, `the desktop in ${colorScheme} colors`);
    }
    await page.setViewportSize({ width: 320, height: 640 });
    assert.ok(await page.evaluate<boolean>("document.documentElement.scrollWidth <= 320"), "it is too wide");
    await page.getByRole("button", { name: "Stop the desktop" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Stop" }).click();
    await page.getByText("No desktop is running").waitFor();
    assertNoTrouble(page);
  });

  test("a session by keyboard alone, on a narrow page", async (t) => {
    const page = await open(t, "", 400);
    await page.getByRole("button", { name: "Open session" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("textbox", { name: "Prompt" }).focus();
    await page.keyboard.type("without asking");
    await page.keyboard.press("Enter");
    await page.getByRole("log", { name: "Transcript" }).getByText("Done.").waitFor();
    await page.getByRole("tab", { name: "Conversation" }).focus();
    await page.keyboard.press("End");
    await page.getByText("agentSessionId").waitFor();
    // With another key the arrows are the browser's.
    await page.keyboard.press("Control+ArrowLeft");
    assert.equal(await page.getByRole("tab", { name: "Details" }).getAttribute("aria-selected"), "true");
    await page.keyboard.press("ArrowLeft");
    await page.getByText("No permission requests yet.").waitFor();
    await assertAccessible(page, "a narrow page");
    assertNoTrouble(page);
  });
});
