import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { BrowserContext, Page } from "playwright-core";
import { troubleOf } from "./browser.ts";
import { show } from "./running-app.ts";
import type { StudioProcess } from "./studio.ts";

const artifacts = fileURLToPath(new URL("../../../artifacts/", import.meta.url));

/** Cookies of the operator's browser, by server. */
const signedIn = new WeakMap<StudioProcess, Cookies>();

type Cookies = Awaited<ReturnType<BrowserContext["cookies"]>>;

/** Opens the page at `path` as the operator: of a browser that is signed in, without the list of tasks before. */
export async function openSignedIn(page: Page, studio: StudioProcess, path: string): Promise<void> {
  const cookies = signedIn.get(studio);
  if (cookies === undefined) await signIn(page, studio);
  else await page.context().addCookies(cookies);
  await page.goto(new URL(path, studio.url).href);
}

/** Signs the operator in and waits for the list of tasks. Later pages of a server have the cookies of the first. */
export async function signIn(page: Page, studio: StudioProcess): Promise<void> {
  const cookies = signedIn.get(studio);
  if (cookies !== undefined) await page.context().addCookies(cookies);
  await page.goto(cookies === undefined ? await studio.link() : studio.url);
  await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
  if (cookies === undefined) signedIn.set(studio, await page.context().cookies());
}

/** Shows the list of tasks to the operator: in the app that runs on the page, or by loading it. */
export async function openTasks(page: Page, studio: StudioProcess): Promise<void> {
  if (!page.url().startsWith(studio.url)) return await signIn(page, studio);
  await show(page, studio.url);
  await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
}

export interface TaskWish {
  readonly prompt: string;
  /** Absolute path; the bundled sample when it is left out. */
  readonly repository?: string;
  /** The demo agent when it is left out. */
  readonly agent?: string;
}

/** Fills the form in and starts the task; ends in the task's workspace. */
export async function startTask(page: Page, wish: TaskWish): Promise<void> {
  if (new URL(page.url()).pathname !== "/") await page.goto(new URL("/", page.url()).href);
  await page.getByRole("heading", { name: "Tasks", exact: true }).waitFor();
  const open = page.getByRole("button", { name: "New task" });
  const sample = page.getByRole("button", { name: "Use the sample repository" });
  // On a narrow page the form is behind the button, unless there is no task yet; both come with the list.
  await open.or(sample).first().waitFor();
  if (await open.isVisible()) await open.click();
  if (wish.repository === undefined) {
    await sample.click();
  } else {
    await page.getByLabel("Repository").fill(wish.repository);
    await page.locator('.repository-check[data-check="clean"]').waitFor();
  }
  await page.locator(`.agent-choice input[value="${wish.agent ?? "demo"}"]`).check();
  await page.getByLabel("Describe the task").fill(wish.prompt);
  await page.getByRole("button", { name: "Start task" }).click();
  await page.waitForURL(/\/tasks\/./);
  await page.getByRole("heading", { level: 1 }).waitFor();
}

/** Waits until the task's status is `status`. */
export async function waitForStatus(page: Page, status: string): Promise<void> {
  await page.locator(`.task-header [data-status="${status}"]`).waitFor({ timeout: 120_000 });
}

/** Watches from now on whether `text` is ever on the page, however briefly; the function returned tells. */
export async function watchForText(page: Page, text: string): Promise<() => Promise<boolean>> {
  // As text, because these files are checked without the types of a browser.
  const watch = await page.evaluateHandle<{ readonly value: boolean }>(`(() => {
    const seen = { value: false };
    new MutationObserver(() => {
      seen.value ||= document.body.textContent?.includes(${JSON.stringify(text)}) === true;
    }).observe(document.body, { childList: true, characterData: true, subtree: true });
    return seen;
  })()`);
  return () => watch.evaluate((seen) => seen.value);
}

/** The one question that waits. */
export function approvalCard(page: Page) {
  return page.locator("[data-approval]");
}

/** Allows whatever is asked until the task rests; returns how often it was asked. */
export async function allowUntilIdle(page: Page): Promise<number> {
  const idle = page.locator('.task-header [data-status="idle"]');
  const allow = page.locator('[data-approval] [data-kind="allow_once"]:enabled').first();
  for (let answers = 0; ; answers += 1) {
    await idle.or(allow).first().waitFor({ timeout: 120_000 });
    if (!(await allow.isVisible())) return answers;
    const card = await page.locator("[data-approval]").first().getAttribute("data-approval");
    await allow.click();
    await page.locator(`[data-approval="${card}"]`).waitFor({ state: "detached" });
  }
}

/** Entries of the log on the page, including those that are rendered only when they come into view. */
export function entriesOf(page: Page): Promise<string[]> {
  return page.locator(".entries > li").allTextContents();
}

/** Whether pictures of screens are asked for. */
export const keepsPictures = process.env["HOLDFAST_TEST_PICTURES"] === "1";

/** Keeps a picture of a screen for people, in `artifacts/`, when they are asked for. */
export async function keepScreenshot(page: Page, name: string): Promise<void> {
  if (!keepsPictures) return;
  await mkdir(artifacts, { recursive: true });
  await page.screenshot({ path: `${artifacts}${name}.png` });
}

/** No script error, and nothing that the page's own policy refused, besides what is expected. */
export function assertNoTrouble(page: Page, expected?: RegExp): void {
  assert.deepEqual(
    troubleOf(page).filter((text) => expected?.test(text) !== true),
    [],
  );
}

/** Nothing of the page, nor of its dialog, has to be scrolled sideways. */
export async function assertFits(page: Page, screen: string): Promise<void> {
  const surplus = await page.evaluate<number>(
    "document.documentElement.scrollWidth - document.documentElement.clientWidth",
  );
  assert.ok(surplus <= 0, `${screen} is ${surplus} pixels too wide`);
}
