/** Frames of large reviews in Chromium: what the page computes for each frame of a scroll, and what it keeps. */
import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { missing } from "../e2e/support/browser.ts";
import { assertNoTrouble } from "../e2e/support/pages.ts";
import { changedFile, openReview, section } from "../e2e/support/review.ts";

/** Stretches of one scroll, frames of each, and pixels of each frame: a notch of a wheel in every frame. */
const stretches = 24;
const frames = 10;
const pixels = 120;
/** A frame of 60 in a second. */
const frameMs = 1_000 / 60;

interface Scroll {
  /**
   * What the main thread computed for a frame, in milliseconds of its own time, by stretches: what other programs of the
   * machine do does not count.
   */
  readonly computedMs: readonly number[];
  /** Frames that took longer than two, by the clock. */
  readonly late: number;
}

/** Scrolls by one step in each frame. */
async function scroll(page: Page): Promise<Scroll> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  const computed = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? 0;
  };
  const computedMs: number[] = [];
  let late = 0;
  for (let stretch = 0; stretch < stretches; stretch += 1) {
    const start = await computed();
    late += await page.evaluate<number>(`new Promise((resolve) => {
      const pane = document.querySelector(".changes");
      let left = ${frames};
      let late = 0;
      let last;
      const step = (now) => {
        if (last !== undefined && now - last > ${frameMs * 2}) late += 1;
        last = now;
        if (left === 0) return resolve(late);
        left -= 1;
        pane.scrollBy(0, ${pixels});
        requestAnimationFrame(step);
      };
      requestAnimationFrame(step);
    })`);
    computedMs.push((((await computed()) - start) * 1_000) / frames);
  }
  await session.detach();
  return { computedMs, late };
}

async function heapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize;
}

/** At least nine of ten stretches take less than 60 frames in a second allow. */
function assertSmooth(t: TestContext, { computedMs, late }: Scroll): void {
  const average = computedMs.reduce((sum, each) => sum + each, 0) / computedMs.length;
  const slow = computedMs.filter((each) => each > frameMs).length;
  const most = Math.max(...computedMs).toFixed(1);
  t.diagnostic(
    `${average.toFixed(1)} ms computed for a frame, at most ${most}; ${late} of ${stretches * frames} late`,
  );
  assert.ok(slow <= stretches / 10, `${slow} of ${stretches} stretches: ${computedMs.join(", ")}`);
}

describe("large reviews", { skip: missing() ?? false }, () => {
  let browser: Browser;

  before(async () => {
    browser = await launchChromium();
  });
  after(() => browser?.close());

  test("5,000 files scroll smoothly", async (t) => {
    const files = Array.from({ length: 5_000 }, (_, index) => {
      return changedFile(`src/f${index}.ts`, `@@ -0,0 +1 @@\n+const f = ${index};\n`, `c${index}`);
    });
    const { page } = await openReview(browser, t, { files });
    await page.getByText("0 of 5000 viewed").waitFor();
    assertSmooth(t, await scroll(page));
    await page.evaluate("document.querySelector('.review > .file-diffs').scrollIntoView()");
    await section(page, "src/f0.ts").locator(".hljs-keyword").first().waitFor();
    assertSmooth(t, await scroll(page));
    // A head that stays in view is a layer of its own in the browser: dozens of them are half of what a frame costs.
    assert.equal(await page.locator('.file-head[data-stays="true"]').count(), 0);
    assert.ok((await page.evaluate<number>("document.querySelectorAll('*').length")) < 12_000);
    assertNoTrouble(page);
  });

  test("a file of 100,000 lines is loaded when it is opened, scrolls smoothly, and is let go", async (t) => {
    const count = 100_000;
    const lines = Array.from({ length: count }, (_, index) => `+line ${index + 1} of a long file\n`);
    const long = { ...changedFile("long.txt", "", "l1"), additions: count };
    const { page } = await openReview(browser, t, {
      files: [long],
      patches: { "long.txt": `@@ -0,0 +1,${count} @@\n${lines.join("")}` },
    });
    const before = await heapBytes(page);
    await section(page, "long.txt").locator(".file-toggle").click();
    await page.getByRole("button", { name: "Show 100,000 changed lines" }).click();
    await page.getByText("line 1 of a long file").waitFor();
    assertSmooth(t, await scroll(page));
    const added = (await heapBytes(page)) - before;
    t.diagnostic(`${Math.round(added / 1024 / 1024)} MiB for 100,000 lines`);
    assert.ok(added < 128 * 1024 * 1024, `${added} bytes`);
    assert.ok((await page.evaluate<number>("document.querySelectorAll('*').length")) < 12_000);
    await page.evaluate("document.querySelector('.changes').scrollTo(0, 1e9)");
    await page.getByText("line 100000 of a long file").waitFor();
    // The head of a file with many lines stays in view.
    const fromTop = await page.evaluate<number>(
      `document.querySelector(".file-head").getBoundingClientRect().top -
        document.querySelector(".changes").getBoundingClientRect().top`,
    );
    assert.ok(Math.abs(fromTop) < 5, `${fromTop} pixels from the top`);
    assertNoTrouble(page);
  });
});
