import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { type Cleanup, openPage, type PageOptions, troubleOf } from "./browser.ts";

/** How many errors a page had before its case began. */
const before = new WeakMap<Page, number>();

/**
 * A page on which the app runs on from case to case, as it does for a person: to load it costs several times what one of
 * its links costs. After a case that failed, the next has a page of its own.
 */
export class RunningApp {
  readonly #browser: Browser;
  #running: Running | undefined;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  async open(t: Cleanup, options: Omit<PageOptions, "state"> = {}): Promise<Page> {
    const { width = 1280, height = 900, colorScheme = "light" } = options;
    this.#running ??= await start(this.#browser);
    const { page, close } = this.#running;
    before.set(page, troubleOf(page).length);
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme });
    t.after(async () => {
      if (t.passed === false) {
        this.#running = undefined;
        return await close();
      }
      await page.unrouteAll({ behavior: "ignoreErrors" });
      for (const other of page.context().pages()) if (other !== page) await other.close();
    });
    return page;
  }
}

interface Running {
  readonly page: Page;
  /** After a case that failed: prints what the page showed. */
  readonly close: () => Promise<void>;
}

async function start(browser: Browser): Promise<Running> {
  let close = async () => {};
  const owner: Cleanup = {
    after: (end) => {
      close = end;
    },
    passed: false,
  };
  const page = await openPage(browser, owner);
  return { page, close };
}

/** No error in the console of a page since its case began, besides what is expected. */
export function assertNoTrouble(page: Page, expected?: RegExp): void {
  const trouble = troubleOf(page).slice(before.get(page) ?? 0);
  assert.deepEqual(
    trouble.filter((text) => expected?.test(text) !== true),
    [],
  );
}

/** Shows an address: as a link does where the app of that server runs, else by loading it. */
export async function show(page: Page, address: string): Promise<void> {
  const { origin, href } = new URL(address);
  if (new URL(page.url()).origin !== origin) await page.goto(href);
  else await page.evaluate(`history.pushState(null, "", ${JSON.stringify(href)})`);
}
