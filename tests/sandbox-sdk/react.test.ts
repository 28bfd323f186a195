/** The peer's published React package with its published client, unmodified, on our server; and ours in their place. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createSandboxServer, type SandboxServer } from "@holdfast/sandbox";
import { launchChromium, missingChromium, webRtcOnLoopback } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { compareTypes, type Imports, serveProgram } from "./support/react-pages.ts";

const token = "owl-token";

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("a program for the peer's React package", { skip: missingChromium }, () => {
  let directory: string;
  let program: Awaited<ReturnType<typeof serveProgram>>;
  let browser: Browser;
  let server: SandboxServer;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "holdfast-react-sdk-"));
    await mkdir(join(directory, "home"));
    program = await serveProgram();
    browser = await launchChromium(webRtcOnLoopback);
    server = await createSandboxServer({
      listen: { host: "127.0.0.1", port: 0 },
      token,
      home: join(directory, "home"),
      cwd: directory,
      allowedOrigins: [new URL(program.url).origin],
    });
    await startDesktop();
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    program?.close();
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  });

  async function shows(page: Page, selector: string, text: string): Promise<void> {
    await page.locator(selector).filter({ hasText: text }).first().waitFor();
  }

  async function converses(page: Page, work: string): Promise<void> {
    await shows(page, ".my-conversation .sa-agent-conversation-empty-state", "Nothing yet");
    const input = page.locator('.sa-chat-composer-input[data-slot="input"]');
    await input.fill('write "owls" to OWLS.md');
    await input.press("Enter");
    await shows(page, '.my-message[data-role="user"] [data-slot="message-text"]', "OWLS.md");
    await shows(page, ".my-thinking", "demo thinks");
    const allow = page.locator('[data-slot="permission-button"][data-tone="allow"]');
    await shows(page, '[data-slot="permission-button"]', "Allow once (once)");
    await allow.first().click();
    await shows(page, "#told", "turn 1 end_turn");
    await shows(page, '[data-slot="permission-prompt"].resolved [data-selected="true"]', "Allow once");
    await shows(page, '.my-message.assistant [data-slot="message-text"]', "Done.");
    assert.equal(await readFile(join(work, "OWLS.md"), "utf8"), "owls\n");
    // Each tool is a step by itself here: read, then, after the question, the edit's own entry.
    await page.locator('[data-slot="tool-item-header"]').first().click();
    await shows(
      page,
      '[data-slot="tool-item-body"] [data-section="input"] .sa-agent-transcript-tool-code',
      "README.md",
    );
    await page.locator('[data-slot="tool-item-link"]').first().click();
    await shows(page, "#told", "event opened");
    assert.equal(await page.locator(".my-thinking").count(), 0);
  }

  async function types(page: Page): Promise<void> {
    const status = page.getByText("Connected", { exact: true }).first();
    await status.waitFor();
    // The screen is what follows the bar that the status is in.
    await status.locator("xpath=../following-sibling::*[1]").click();
    await page.keyboard.type("owl\n");
    await shows(page, "#told", "exit 7");
    const id = await page.evaluate<string>("globalThis.terminalId");
    const headers = { authorization: `Bearer ${token}` };
    const logs = await fetch(`${server.url}/v1/processes/${id}/logs`, { headers });
    const { entries } = (await logs.json()) as { readonly entries: readonly { readonly data: string }[] };
    const output = entries.map(({ data }) => Buffer.from(data, "base64").toString()).join("");
    // The terminal reported its size before input was typed.
    assert.match(output, /got owl at \d+ \d+/);
    assert.doesNotMatch(output, /at 24 80/);
  }

  async function startDesktop(): Promise<void> {
    const call = async (path: string, body: object) => {
      const response = await fetch(`${server.url}/v1/desktop/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      assert.equal(response.status, 200, await response.clone().text());
    };
    await call("start", { width: 640, height: 480 });
    // The terminal reports the mouse, and its clock moves.
    const script =
      "printf '\\033[?1002h'; stty -icanon -echo; while :; do date; sleep 0.1; done & exec cat > input.txt";
    const args = ["-geometry", "80x24+0+0", "-e", "sh", "-c", script];
    await call("launch", { app: "xterm", args, wait: true });
  }

  /** Two pictures of the video, some frames apart. */
  const moves = `new Promise((resolve) => {
    const video = document.querySelector("video");
    const canvas = document.createElement("canvas");
    const [width, height] = [canvas.width, canvas.height] = [640, 480];
    const pixels = () => {
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(video, 0, 0, width, height);
      return String(context.getImageData(0, 0, width, height).data);
    };
    let first;
    const look = () => {
      const now = video.videoWidth === 640 ? pixels() : undefined;
      if (first !== undefined && now !== first) return resolve(true);
      first ??= now;
      setTimeout(look, 100);
    };
    look();
  })`;

  async function usesDesktop(page: Page): Promise<void> {
    await shows(page, "#desktop", "640 x 480");
    assert.equal(await page.evaluate(moves), true);
    const video = page.locator("video");
    await video.scrollIntoViewIfNeeded();
    const box = await video.boundingBox();
    assert.ok(box);
    const before = await readFile(join(directory, "input.txt"), "utf8").catch(() => "");
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    const input = async () => (await readFile(join(directory, "input.txt"), "utf8")).slice(before.length);
    await until("the click lands", async () => /\[M .*\[M#/s.test(await input()));
    await page.mouse.wheel(0, 120);
    await until("the wheel turns", async () => (await input()).includes("[Ma"));
    await page.keyboard.type("Hi");
    await until("the keys land", async () => (await input()).endsWith("Hi"));
  }

  async function run(imports: Imports): Promise<void> {
    const work = join(directory, imports);
    await mkdir(work);
    await writeFile(join(work, "README.md"), "# Sample\n");
    const page = await browser.newPage();
    const errors: string[] = [];
    page.on("pageerror", (error) => errors.push(String(error)));
    const script = 'read line; echo "got $line at $(stty size)"; exit 7';
    const given = new URLSearchParams({ server: server.url ?? "", token, cwd: work, script });
    await page.goto(`${program.url}${imports}/#${given}`);
    await converses(page, work);
    await types(page);
    await usesDesktop(page);
    assert.deepEqual(errors, []);
    await page.close();
  }

  test("runs unmodified on this server: @sandbox-agent/react 0.4.2, sandbox-agent 0.4.2, React 18", () =>
    run("published"));

  test("runs with nothing but its imports changed to ours", () => run("ours"));
});

test("our components accept the props of the peer's components, by the peer's declarations", () => {
  assert.equal(compareTypes(), "");
});
