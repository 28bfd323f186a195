/** A transcript of 50,000 events in Chromium: what the main thread does for each frame of a scroll, and until a key is seen. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { silentLogger, systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import type { SessionEvent } from "../../packages/studio/src/contract.ts";
import { assertAccessibleInThemes } from "../e2e/support/axe.ts";
import { missing, openPage } from "../e2e/support/browser.ts";
import { webGateway } from "../e2e/support/inspector-server.ts";
import { assertFits, assertNoTrouble } from "../e2e/support/pages.ts";
import { scriptedTask, scriptedTaskId } from "../e2e/support/scripted-task.ts";

const count = 50_000;
const frames = 400;
const pixels = -240;

/** Prompts and answers in turn. */
function events(): SessionEvent[] {
  return Array.from({ length: count }, (_, index): SessionEvent => {
    const text = `Entry ${index + 1}: **a line** of \`text\`, as agents write it.`;
    const update = { sessionUpdate: "agent_message_chunk", content: { type: "text", text } };
    const envelope = { jsonrpc: "2.0", method: "session/update", params: { sessionId: "s", update } };
    const body: SessionEvent["body"] =
      index % 2 === 0 ? { type: "prompt", text } : { type: "acp", direction: "from-agent", envelope };
    return { seq: index + 1, at: 1_700_000_000_000, body };
  });
}

interface Frames {
  /** Script, style and layout of each frame in milliseconds of the main thread's own time, without painting. */
  readonly worked: readonly number[];
  /** Frames that took longer than two of 60 in a second, by the clock. */
  readonly late: number;
}

/** Scrolls by one step in each frame, and reads what the main thread did in each. */
async function scroll(page: Page): Promise<Frames> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const worked: number[] = [];
  let late = 0;
  const total = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    const of = (wanted: string) => metrics.find(({ name }) => name === wanted)?.value ?? 0;
    return of("ScriptDuration") + of("LayoutDuration") + of("RecalcStyleDuration");
  };
  const steps = 10;
  for (let at = 0; at < frames; at += steps) {
    const start = await total();
    late += await page.evaluate<number>(`new Promise((resolve) => {
      const pane = document.querySelector(".transcript");
      let left = ${steps};
      let late = 0;
      let last;
      const step = (now) => {
        if (last !== undefined && now - last > 1000 / 30) late += 1;
        last = now;
        if (left-- === 0) return resolve(late);
        pane.scrollBy(0, ${pixels});
        requestAnimationFrame(step);
      };
      requestAnimationFrame(step);
    })`);
    worked.push((((await total()) - start) * 1_000) / steps);
  }
  await session.detach();
  return { worked: worked.toSorted((a, b) => a - b), late };
}

describe("a transcript of 50,000 events", { skip: missing() ?? false }, () => {
  let browser: Browser;

  before(async () => {
    browser = await launchChromium();
  });
  after(() => browser?.close());

  async function open(t: TestContext): Promise<Page> {
    const directory = await mkdtemp(join(tmpdir(), "holdfast-transcript-"));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const ports = systemPorts(silentLogger);
    const registry = createRegistry({
      use: scriptedTask({ status: "idle", files: [], events: events() }),
      ports,
      store: () => openSqliteStore({ path: directory, ports }),
      gateway: webGateway(directory),
    });
    t.after(() => registry.shutdown());
    await registry.client.task.getOrCreate([scriptedTaskId]).get();
    const session = registry.client.session.getOrCreate(["018f0000-0000-7000-8000-000000000002"]);
    await session.events({ after: 0 });
    await registry.client.organization.getOrCreate(["local"]).listTasks();
    const { url } = await registry.listen({ port: 0 });
    const page = await openPage(browser, t, { width: 1600, height: 1000 });
    await page.goto(`${url}/tasks/${scriptedTaskId}`);
    await page.getByText(`Entry ${count}:`).waitFor();
    return page;
  }

  test("scrolls smoothly to earlier entries, keeps a small page, and answers a key at once", async (t) => {
    const page = await open(t);
    const { worked, late } = await scroll(page);
    const p95 = worked[Math.floor(worked.length * 0.95)] ?? Number.NaN;
    const longest = worked.at(-1) ?? Number.NaN;
    t.diagnostic(
      `script, style and layout of a frame: 95 % below ${p95.toFixed(1)} ms, at most ${longest.toFixed(1)} ms; ${late} of ${frames} frames late by the clock`,
    );
    assert.ok(p95 <= 16, `${p95} ms: ${worked.join(", ")}`);
    const elements = await page.evaluate<number>("document.querySelectorAll('*').length");
    t.diagnostic(`${elements} elements`);
    assert.ok(elements < 6_000, `${elements} elements after a long scroll`);
    // From the event of a key to the frame after it, as the browser measures it.
    await page.evaluate(`
      window.slowest = 0;
      new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.slowest = Math.max(window.slowest, duration);
      }).observe({ type: "event", durationThreshold: 16 });
    `);
    await page.getByLabel("Next prompt").getByRole("textbox").pressSequentially("a prompt");
    await page.evaluate(
      "new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))",
    );
    const slowest = await page.evaluate<number>("window.slowest");
    t.diagnostic(`a key was painted within ${slowest} ms`);
    assert.ok(slowest < 100, `${slowest} ms`);
    assertNoTrouble(page);
  });

  test("is searched as a whole, from its end up; keys and a map lead through it", async (t) => {
    const page = await open(t);
    const inView = (text: string) => page.locator(".entry-found").getByText(text).waitFor();
    await page.getByRole("region", { name: "Transcript" }).focus();
    await page.keyboard.press("/");
    const field = page.getByRole("searchbox", { name: "Find in this conversation" });
    await field.fill("entry 4001");
    // Entries 4001 and 40010 to 40019.
    await page.getByText("11 of 11").first().waitFor();
    await inView("Entry 40019:");
    await field.press("Enter");
    await inView("Entry 40018:");
    await field.press("Shift+Enter");
    await field.press("Shift+Enter");
    await page.getByText("1 of 11", { exact: true }).first().waitFor();
    await inView("Entry 4001:");
    const isInView = async () => {
      const box = await page.locator(".entry-found").boundingBox();
      assert.ok(box !== null && box.y > 0 && box.y < (page.viewportSize()?.height ?? 0), JSON.stringify(box));
    };
    await isInView();
    const elements = () => page.evaluate<number>("document.querySelectorAll('*').length");
    assert.ok(
      (await elements()) < 6_000,
      `${await elements()} elements after a jump over thousands of entries`,
    );
    await field.fill("nowhere");
    await page.getByText("Not found").first().waitFor();
    await assertAccessibleInThemes(page, "a search in a conversation");
    await field.press("Escape");
    await page.locator(".find-bar").waitFor({ state: "detached" });
    // The focus is in the transcript again. Prompts have odd numbers.
    await page.keyboard.press("k");
    await inView(`Entry ${count - 1}:`);
    await page.keyboard.press("k");
    await inView(`Entry ${count - 3}:`);
    const map = await page.locator(".conversation-map").boundingBox();
    assert.ok(map !== null);
    await page.mouse.click(map.x + 5, map.y + map.height / 2);
    await page
      .locator(".entry-found")
      .getByText(/Entry (24|25)\d{3}:/)
      .waitFor();
    await isInView();
    await page.setViewportSize({ width: 320, height: 800 });
    await page.getByRole("button", { name: "Find in this conversation" }).click();
    await field.fill("entry 4001");
    await inView("Entry 40019:");
    await assertFits(page, "a search in a conversation");
    assertNoTrouble(page);
  });
});
