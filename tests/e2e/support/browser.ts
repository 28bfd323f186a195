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
  /** Of a test's context: whether it has passed so far. */
  readonly passed?: boolean;
}

const defaults = { width: 1280, height: 900, colorScheme: "light" } as const;

const trouble = new WeakMap<Page, string[]>();
/** Errors that fail no test, for the report of one that fails: requests of which nothing came back, most of all. */
const ignored = new WeakMap<Page, string[]>();

/** A page of a browser context of its own. Errors in its console, and what its policy refused, are collected. */
export async function openPage(browser: Browser, t: Cleanup, options: PageOptions = {}): Promise<Page> {
  const { width, height, colorScheme } = { ...defaults, ...options };
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme,
    reducedMotion: "reduce",
    ...(options.state === undefined ? {} : { storageState: options.state }),
  });
  // An agent starts within a second; beside other tests it may take a quarter of a minute and more.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  t.after(async () => {
    if (t.passed === false) await describe(page);
    await context.close();
  });
  trouble.set(page, []);
  ignored.set(page, []);
  page.on("pageerror", (error) => trouble.get(page)?.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    if (message.type() !== "error") return;
    const text = message.text();
    (isExpected(text) ? ignored : trouble).get(page)?.push(text);
  });
  return page;
}

/**
 * A page that the cases of a file have one after the other: to load an app there again costs half of what a page of its
 * own costs. Each case finds it empty; cookies stay.
 */
export class SharedPage {
  readonly #browser: Browser;
  #page: Page | undefined;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  async open(t: Cleanup, options: Omit<PageOptions, "state"> = {}): Promise<Page> {
    // It ends with its browser.
    this.#page ??= await openPage(this.#browser, { after: () => {} });
    const page = this.#page;
    const { width, height, colorScheme } = { ...defaults, ...options };
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    trouble.set(page, []);
    ignored.set(page, []);
    t.after(async () => {
      if (t.passed === false) await describe(page);
      await page.unrouteAll({ behavior: "ignoreErrors" });
      for (const other of page.context().pages()) if (other !== page) await other.close();
      await leave(page);
    });
    return page;
  }
}

/** Prints what a page showed when its test failed, as the report of the failure says only what it did not show. */
async function describe(page: Page): Promise<void> {
  const text = await page
    .locator("body")
    .innerText({ timeout: 5_000 })
    .catch((error: unknown) => String(error));
  const errors = [...(trouble.get(page) ?? []), ...(ignored.get(page) ?? []).slice(-20)];
  console.error(`The page ${page.url()} showed:\n${text.slice(0, 4_000)}\n${errors.join("\n")}`);
}

/**
 * Leaves the app for an empty page of its own server: the process of the page stays, as it would not for `about:blank`,
 * and a new one costs as much as the next load of the app.
 */
async function leave(page: Page): Promise<void> {
  const origin = await page.evaluate<string>("location.origin");
  // Of a case that failed at once.
  if (origin === "null") return;
  await page.evaluate("localStorage.clear(), sessionStorage.clear()");
  const empty = `${origin}/robots.txt`;
  const isThere = await fetch(empty).then(
    () => true,
    () => false,
  );
  await page.goto(isThere ? empty : "about:blank");
  // What the app wrote as it was left.
  if (isThere) await page.evaluate("localStorage.clear(), sessionStorage.clear()");
}

/** A server that was killed on purpose, a refused ticket, and a budget that is used up are no faults of the page. */
function isExpected(text: string): boolean {
  return /ERR_CONNECTION|ERR_INTERNET_DISCONNECTED|WebSocket connection|status of 40[123]|ERR_EMPTY_RESPONSE|ERR_NETWORK|ERR_SOCKET_NOT_CONNECTED/.test(
    text,
  );
}

/** Errors of a page since it was opened. */
export function troubleOf(page: Page): readonly string[] {
  return trouble.get(page) ?? [];
}
