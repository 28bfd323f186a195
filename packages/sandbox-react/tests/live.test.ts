import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createSandboxServer, type SandboxServer } from "@holdfast/sandbox";
import { SandboxAgent } from "@holdfast/sandbox-client";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { type Page as ServedPage, serveStories } from "../stories/serve.ts";
import { assertAccessible, includes, shows, until, watchedPage } from "./chromium.ts";

describe("the components on a real sandbox server, in Chromium", { skip: missingChromium }, () => {
  let directory: string;
  let stories: ServedPage;
  let browser: Browser;
  let server: SandboxServer;
  let client: SandboxAgent;
  let page: Page;

  /** Runs before the page's scripts, so that the test can break its sockets. */
  const keepSockets = `globalThis.sockets = [];
    globalThis.WebSocket = class extends WebSocket {
      constructor(...parameters) {
        super(...parameters);
        globalThis.sockets.push(this);
      }
    };`;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "holdfast-sandbox-react-"));
    await Promise.all([mkdir(join(directory, "home")), mkdir(join(directory, "work"))]);
    await writeFile(join(directory, "work", "README.md"), "# Owls\n");
    [stories, browser] = await Promise.all([serveStories(), launchChromium()]);
    server = await createSandboxServer({
      listen: { host: "127.0.0.1", port: 0 },
      token: "owl-token",
      home: join(directory, "home"),
      cwd: join(directory, "work"),
      allowedOrigins: [new URL(stories.url).origin],
    });
    client = await SandboxAgent.connect({ baseUrl: server.url ?? "", token: "owl-token" });
    ({ page } = await watchedPage(browser));
    await page.addInitScript(keepSockets);
  });
  after(async () => {
    await browser?.close();
    await client?.dispose();
    await server?.close();
    await stories?.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  });

  async function open(story: string, more: Record<string, string>): Promise<void> {
    const parameters = new URLSearchParams({ server: server.url ?? "", token: "owl-token", ...more });
    await page.goto("about:blank");
    await page.goto(`${stories.url}#${story}&${parameters}`);
  }

  test("a session: prompt, plan, tools, an answered question, the end of the turn", async () => {
    await open("live-session", { cwd: join(directory, "work") });
    const input = page.getByRole("textbox", { name: "Message" });
    await input.fill('write "owls" to OWLS.md');
    await input.press("Enter");
    const list = page.locator(".sa-permission-list");
    await list.getByRole("button", { name: "Allow once" }).waitFor();
    await includes(page, '[data-slot="questions"]', "The agent asks: Edit OWLS.md");
    await includes(page, ".sa-permission-list .sa-line-add", "+owls");
    await assertAccessible(page, "a session that waits for an answer");
    await list.getByRole("button", { name: "Allow once" }).press("Enter");
    await includes(page, ".sa-agent-conversation-transcript", "Done.");
    await shows(page, "#running", "false");
    assert.equal(await readFile(join(directory, "work", "OWLS.md"), "utf8"), "owls\n");
    const settled = page.locator('[data-slot="permission-prompt"][data-state="answered"]');
    assert.equal(
      await settled.getByRole("button", { name: "Allow once" }).getAttribute("aria-pressed"),
      "true",
    );
    assert.equal(await list.getByRole("listitem").count(), 0);
  });

  test("an agent that exits is reported, and the next prompt restarts it", async () => {
    await open("live-session", { cwd: join(directory, "work") });
    const input = page.getByRole("textbox", { name: "Message" });
    await input.fill("crash");
    await input.press("Enter");
    await includes(page, ".sa-agent-conversation-transcript", "This is the last thing I say.");
    await includes(page, ".sa-agent-conversation-transcript", "exited");
    await shows(page, "#running", "false");
    await input.fill("run `echo here again` without asking");
    await input.press("Enter");
    await includes(page, ".sa-agent-conversation-transcript", "Done.");
    await shows(page, "#running", "false");
  });

  const screen = ".xterm-rows";

  test("a terminal: earlier output, keys, its size, a broken connection, the end of the process", async () => {
    const script =
      "echo before; while read line; do stty size; echo got $line; [ $line = end ] && exit 7; done";
    const { id } = await client.createProcess({ command: "/bin/sh", args: ["-c", script], tty: true });
    await open("live-terminal", { process: id });
    await includes(page, '[data-slot="status"]', "Connected");
    await includes(page, screen, "before");
    await page.keyboard.type("first\n");
    await includes(page, screen, "got first");
    const rows = await page.locator(`${screen} > div`).count();
    await includes(page, screen, `${rows} `);
    assert.notEqual(rows, 24);
    await assertAccessible(page, "a terminal");
    // The terminal's socket breaks; earlier output is not shown twice.
    const sockets = await page.evaluate<number>("globalThis.sockets.length");
    await page.evaluate("globalThis.sockets.at(-1).close()");
    await until(page, `globalThis.sockets.length > ${sockets}`);
    await until(page, "new URL(globalThis.sockets.at(-1).url).searchParams.has('offset')");
    await includes(page, '[data-slot="status"]', "Connected");
    await page.keyboard.type("second\n");
    await includes(page, screen, "got second");
    assert.equal((await page.textContent(screen))?.split("got first").length, 2);
    await page.keyboard.type("end\n");
    await shows(page, "#exit", "exited 7");
    await shows(page, '[data-slot="exit-code"]', "exit=7");
  });

  test("Tab is sent to the program until Control+M releases it", async () => {
    const { id } = await client.createProcess({ command: "/bin/cat", tty: true });
    await open("live-terminal", { process: id });
    await includes(page, '[data-slot="status"]', "Connected");
    const inTerminal = "document.activeElement?.classList.contains('xterm-helper-textarea') === true";
    await until(page, inTerminal);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(inTerminal), true);
    await page.keyboard.press("Control+m");
    await includes(page, '[data-slot="keys"]', "Tab leaves the terminal");
    await page.keyboard.press("Shift+Tab");
    assert.equal(await page.evaluate(inTerminal), false);
    await client.killProcess(id, { waitMs: 10_000 });
  });
});
