import { existsSync } from "node:fs";
import { missingChromium } from "@holdfast/testing/chromium";
import type { Browser, BrowserContext, Page } from "playwright-core";

/** What these tests need and is absent here; in CI that is a failure, elsewhere a skip with a name. */
export function missing(): string | undefined {
  const absent: string[] = [];
  if (missingChromium !== false) absent.push("chromium-headless-shell");
  if (!(process.env["PATH"] ?? "").split(":").some((folder) => existsSync(`${folder}/bwrap`))) {
    absent.push("bubblewrap");
  }
  if (absent.length === 0) return undefined;
  const reason = `needs ${absent.join(" and ")}`;
  if (process.env["CI"] === "true") throw new Error(`${reason}, and CI may not skip`);
  return reason;
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly colorScheme?: "light" | "dark";
  /** Cookies and storage of an earlier context: a browser that is signed in. */
  readonly state?: Awaited<ReturnType<BrowserContext["storageState"]>>;
}

/** Owner of opened resources: a test's context, or a script. */
export interface Cleanup {
  after(end: () => Promise<void>): void;
}

const trouble = new WeakMap<Page, string[]>();

/** A page of a browser context of its own. Errors in its console, and what its policy refused, are collected. */
export async function openPage(browser: Browser, t: Cleanup, options: PageOptions = {}): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1280, height: options.height ?? 900 },
    colorScheme: options.colorScheme ?? "light",
    reducedMotion: "reduce",
    ...(options.state === undefined ? {} : { storageState: options.state }),
  });
  // An agent starts within a second; beside other tests it may take a quarter of a minute and more.
  context.setDefaultTimeout(60_000);
  t.after(() => context.close());
  const page = await context.newPage();
  const found: string[] = [];
  trouble.set(page, found);
  page.on("pageerror", (error) => found.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !isExpected(message.text())) found.push(message.text());
  });
  return page;
}

/** A server that was killed on purpose, a refused ticket, and a budget that is used up are no faults of the page. */
function isExpected(text: string): boolean {
  return /ERR_CONNECTION|ERR_INTERNET_DISCONNECTED|WebSocket connection|status of 40[123]|ERR_EMPTY_RESPONSE|ERR_NETWORK/.test(
    text,
  );
}

/** Errors of a page since it was opened. */
export function troubleOf(page: Page): readonly string[] {
  return trouble.get(page) ?? [];
}
