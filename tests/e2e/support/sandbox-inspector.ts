import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSandboxServer, type SandboxServer } from "@holdfast/sandbox";
import { buildInspectorUrl } from "@holdfast/sandbox-client";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import type { Cleanup } from "./browser.ts";
import * as app from "./running-app.ts";

/** A sandbox server with a few files, and a browser whose one page shows its inspector. */
export class SandboxInspector {
  readonly directory: string;
  /** Working directory of the server. */
  readonly work: string;
  readonly server: SandboxServer;
  readonly browser: Browser;
  readonly #app: app.RunningApp;

  private constructor(directory: string, work: string, server: SandboxServer, browser: Browser) {
    this.directory = directory;
    this.work = work;
    this.server = server;
    this.browser = browser;
    this.#app = new app.RunningApp(browser);
  }

  static async create(): Promise<SandboxInspector> {
    const directory = await mkdtemp(join(tmpdir(), "holdfast-sandbox-ui-"));
    const work = join(directory, "work");
    const home = join(directory, "home");
    await mkdir(home);
    await mkdir(join(work, "notes"), { recursive: true });
    await writeFile(join(work, "README.md"), "# Sample\n");
    await writeFile(join(work, "picture.bin"), new Uint8Array([0, 1, 2, 255]));
    const server = await createSandboxServer({ listen: { host: "127.0.0.1", port: 0 }, cwd: work, home });
    return new SandboxInspector(directory, work, server, await launchChromium());
  }

  async dispose(): Promise<void> {
    await this.browser.close();
    await this.server.close();
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The page at a path with a query. What it loads is the link that a client library makes. */
  async open(
    t: Cleanup,
    path = "",
    { width = 1280, loads = false }: { readonly width?: number; readonly loads?: boolean } = {},
  ): Promise<Page> {
    const page = await this.#app.open(t, { width });
    const { url = "", token = "" } = this.server;
    const link = new URL(buildInspectorUrl({ baseUrl: url, token }));
    const [folder = "", search = ""] = path.split("?");
    link.pathname += folder;
    for (const [name, value] of new URLSearchParams(search)) link.searchParams.set(name, value);
    if (loads) await page.goto("about:blank");
    // The running page has the token.
    if (new URL(page.url()).origin === link.origin) link.hash = "";
    await app.show(page, link.href);
    await page.getByRole("navigation", { name: "Main" }).waitFor();
    return page;
  }

  /** A request of another client. */
  async call(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { authorization: `Bearer ${this.server.token}`, ...init.headers };
    return await fetch(`${this.server.url}${path}`, { ...init, headers });
  }
}

/**
 * Faults of the page. The policy refuses the style elements of the terminal emulator, which has another
 * way; and the server refuses what these tests send to be refused.
 */
const expected = /Applying inline style violates|status of 4(00|04|12|22)/;

export function assertNoTrouble(page: Page): void {
  app.assertNoTrouble(page, expected);
}
