/**
 * `npm run e2e:first-task [-- AGENT...]`: the first steps of a new user as one script, with the demo agent and with a
 * real agent (Codex) against a mock model server. Real server, real Chromium, real jail.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { launchChromium } from "@holdfast/testing/chromium";
import { scriptPrompt, startMockModel } from "@holdfast/testing/mock-model";
import type { Browser, Page } from "playwright-core";
import { missing, openPage } from "./support/browser.ts";
import {
  allowUntilIdle,
  assertNoTrouble,
  entriesOf,
  keepScreenshot,
  signIn,
  startTask,
  waitForStatus,
} from "./support/pages.ts";
import { createRepository, git, randomText } from "./support/repository.ts";
import { StudioProcess } from "./support/studio.ts";

/** Prompts in the words that the agent, or the script of its model, understands. */
interface Wishes {
  /** Adds `line` to the README, and takes long enough to be killed in the middle. */
  readonly work: string;
  /** Words that the transcript shows in the middle of the work. */
  readonly middle: string;
  readonly endless: string;
}

function wishesFor(agent: string, readme: string, line: string): Wishes {
  if (agent === "demo") {
    return {
      work: `slowly add the line "${line}" to the README`,
      middle: "Counting slowly.",
      endless: "slowly add a line to the README without asking",
    };
  }
  const slow = { text: "Counting slowly. ".repeat(40), pieces: 40, delayMs: 100 };
  return {
    work: scriptPrompt([
      { read: "README.md" },
      { slow },
      { edit: { path: "README.md", content: `${readme}${line}\n` } },
      { say: "Done." },
    ]),
    middle: "Counting slowly.",
    endless: scriptPrompt([{ slow: { ...slow, pieces: 400, text: "Counting slowly. ".repeat(400) } }]),
  };
}

function step(number: number, words: string): void {
  console.log(`  ${number}. ${words}`);
}

async function firstTask(browser: Browser, agent: string, onEnd: (end: () => Promise<void>) => void) {
  console.log(`${agent}:`);
  const key = `sk-test-${randomBytes(16).toString("hex")}`;
  const model = await startMockModel({ apiKeys: { anthropic: key, openai: key } });
  onEnd(() => model.close());
  const environment = {
    ANTHROPIC_API_KEY: key,
    HOLDFAST_ANTHROPIC_BASE_URL: model.url,
    OPENAI_API_KEY: key,
    HOLDFAST_OPENAI_BASE_URL: `${model.url}/v1`,
  };
  const studio = await StudioProcess.create({ environment });
  onEnd(() => studio.dispose());
  if (agent !== "demo") await studio.installAgent(agent);
  const page = await openPage(browser, { after: onEnd });
  await signIn(page, studio);
  step(1, `the server runs at ${studio.url}, and its link signs the browser in`);

  const repository = await createRepository(studio.directory);
  const readme = await readFile(join(repository, "README.md"), "utf8");
  const line = randomText("Written by the agent");
  const wishes = wishesFor(agent, readme, line);
  await startTask(page, { repository, agent, prompt: wishes.work });
  step(2, "a repository, an agent and a prompt are enough to start");

  const transcript = page.getByRole("region", { name: "Transcript" });
  await allowUntil(page, wishes.middle);
  step(3, "the transcript is live");

  await studio.kill();
  await page.getByTestId("offline-banner").waitFor();
  await studio.start();
  await page.getByTestId("offline-banner").waitFor({ state: "detached", timeout: 60_000 });
  await transcript
    .getByText("continues from the transcript")
    .or(transcript.getByText("has resumed the session"))
    .first()
    .waitFor();
  const answers = await allowUntilIdle(page);
  const live = await entriesOf(page);
  await page.reload();
  await waitForStatus(page, "idle");
  await page
    .locator(".entries > li")
    .nth(live.length - 1)
    .waitFor();
  assert.deepEqual(await entriesOf(page), live);
  step(4, `killed and started again, it went on without a gap (${answers} questions allowed)`);

  await page.locator(".file-diffs .diff-added .diff-code", { hasText: line }).waitFor();
  await page.getByRole("button", { name: "Apply to branch" }).click();
  const branch = await page.getByTestId("applied").locator("strong").innerText();
  assert.equal(await git(repository, "show", `${branch}:README.md`), `${readme}${line}`.trim());
  assert.equal(await readFile(join(repository, "README.md"), "utf8"), readme);
  await keepScreenshot(page, `first-task-${agent}`);
  const stopped = await stopInTheMiddle(page, agent, repository, wishes);
  step(5, `the diff is on branch ${branch}; Stop took ${stopped} ms`);

  const printed = await studio.holdfast(
    ...["run", "--repo", repository, "--agent", "demo", "--approve", "allow", "add a line to the README"],
  );
  assert.match(printed, /\+This line was added by the demo agent\./);
  assert.equal(await git(repository, "status", "--porcelain"), "");
  step(6, "the same works from a terminal");
  assertNoTrouble(page);
}

/** Allows permissions until these words, which mark the middle of the work. */
async function allowUntil(page: Page, words: string): Promise<void> {
  const said = page.locator(".entry-message", { hasText: words }).first();
  const allow = page.locator('[data-approval] [data-kind="allow_once"]:enabled').first();
  for (;;) {
    await said.or(allow).first().waitFor({ timeout: 90_000 });
    if (await said.isVisible()) return;
    await allow.click();
  }
}

async function stopInTheMiddle(
  page: Page,
  agent: string,
  repository: string,
  wishes: Wishes,
): Promise<number> {
  await startTask(page, { repository, agent, prompt: wishes.endless });
  await allowUntil(page, wishes.middle);
  const started = Date.now();
  await page.getByRole("button", { name: "Stop" }).click();
  await waitForStatus(page, "stopped");
  return Date.now() - started;
}

const absent = missing();
if (absent !== undefined) {
  console.error(`e2e:first-task ${absent}`);
  process.exit(1);
}
const agents = process.argv.length > 2 ? process.argv.slice(2) : ["demo", "codex"];
const browser = await launchChromium();
try {
  for (const agent of agents) {
    const ends: (() => Promise<void>)[] = [];
    try {
      await firstTask(browser, agent, (end) => ends.push(end));
    } finally {
      for (const end of ends.reverse()) await end();
    }
  }
} finally {
  await browser.close();
}
