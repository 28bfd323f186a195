import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { launchChromium, missingChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { type Page as ServedPage, serveStories } from "../stories/serve.ts";
import { assertAccessible, includes, shows, until, type WatchedPage, watchedPage } from "./chromium.ts";

describe("the stories in Chromium, under a policy without inline styles and scripts", {
  skip: missingChromium,
}, () => {
  let browser: Browser;
  let served: ServedPage;
  let watched: WatchedPage;
  let page: Page;

  before(async () => {
    [served, browser] = await Promise.all([serveStories(), launchChromium()]);
    watched = await watchedPage(browser);
    page = watched.page;
  });
  after(async () => {
    await browser?.close();
    await served?.close();
  });

  async function open(story: string): Promise<void> {
    watched.errors.length = 0;
    // A different address, so that the page is loaded and not only navigated.
    await page.goto("about:blank");
    await page.goto(`${served.url}#${story}`);
    await page.waitForSelector("#story > *", { state: "attached" });
  }

  const still = [
    "transcript",
    "transcript-empty",
    "transcript-thinking",
    "transcript-failed",
    "transcript-unknown",
    "transcript-custom",
    "transcript-long",
    "composer",
    "composer-disabled",
    "conversation",
    "conversation-empty",
    "permissions",
    "markdown",
    "file-changes",
  ];

  test("every story is accessible and without errors, in light and dark", async () => {
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    for (const story of still) {
      await open(story);
      for (const header of await page.locator('[aria-expanded="false"]').all()) await header.click();
      await assertAccessible(page, story);
      await page.emulateMedia({ colorScheme: "dark" });
      await assertAccessible(page, `${story} in the dark`, ["color-contrast"]);
      await page.emulateMedia({ colorScheme: "light" });
      assert.deepEqual(watched.errors, [], story);
    }
  });

  test("an entry of an unknown kind is shown by its text, or its name", async () => {
    await open("transcript-unknown");
    assert.deepEqual(await page.locator('[data-slot="message-text"]').allInnerTexts(), [
      "The sandbox was paused",
      "Checkpoint 3",
      "handover",
    ]);
  });

  test("slots, class names and data attributes are the peer's", async () => {
    await open("transcript");
    const present = async (selector: string, count: number) =>
      assert.equal(await page.locator(selector).count(), count, selector);
    await present('.sa-agent-transcript[data-slot="root"]', 1);
    await present('.sa-agent-transcript-divider[data-slot="divider"]', 1);
    await present('.sa-agent-transcript-message.user.no-avatar[data-role="user"][data-variant="user"]', 1);
    await present('.sa-agent-transcript-message.assistant[data-kind="message"]', 3);
    await present('.sa-agent-transcript-tool-group.failed[data-failed="true"]', 1);
    await present(".sa-agent-transcript-tool-group-single", 1);
    await present('.sa-agent-transcript-permission-prompt.resolved[data-resolved="true"]', 2);
    await present('.sa-agent-transcript-permission-button.allow.selected[data-selected="true"]', 1);
    await present('.sa-agent-transcript-permission-button.dimmed[data-dimmed="true"]', 2);
    await present('[data-slot="permission-auto-resolved"]', 1);
    await present('.sa-agent-transcript-end[data-slot="end-anchor"]', 1);
    await page.click('[data-slot="tool-group-header"]');
    await present('.sa-agent-transcript-tool-item[data-state="in_progress"]', 1);
    await present('.sa-agent-transcript-tool-item.failed[data-failed="true"]', 1);
    await present('.sa-agent-transcript-tool-item.last[data-last="true"]', 2);
    await present('[data-slot="tool-item-spinner"]', 1);
    await page.click('[data-kind="reasoning"] [data-slot="tool-item-header"]');
    await present('[data-section="reasoning"] .sa-agent-transcript-tool-code-muted', 1);
    await open("composer");
    await present(
      '.sa-chat-composer .sa-chat-composer-form .my-input[data-slot="input"][data-empty="true"]',
      1,
    );
    await present('.sa-chat-composer-submit[data-slot="submit"][data-disabled="true"]', 1);
    await open("conversation");
    await present(".sa-agent-conversation > .sa-agent-conversation-transcript.my-transcript", 1);
    await present(".sa-agent-conversation > .sa-agent-conversation-composer.my-composer", 1);
    await open("conversation-empty");
    await present(".sa-agent-conversation > .sa-agent-conversation-empty-state", 1);
  });

  test("custom renderers are used", async () => {
    await open("transcript-custom");
    await shows(page, "#thinking", "thinking as nobody");
    assert.match((await page.textContent('[data-slot="root"].mine')) ?? "", /5 things.*One thing/s);
    assert.equal(await page.locator(".my-message em").count(), 3);
    // A custom rule replaces the default one for turns.
    assert.equal(await page.locator('[data-slot="divider"]').count(), 1);
    await shows(page, ".my-button:enabled", "Allow once [once]");
    assert.equal(await page.locator('[data-slot="tool-item-link"]').count(), 0);
  });

  test("agent text stays text: no HTML, no script, no image, links only to web and mail addresses", async () => {
    await open("transcript");
    const message = page.locator('[data-role="assistant"]').first();
    assert.equal(await message.locator("img, script").count(), 0);
    assert.equal(await page.evaluate("globalThis.attacked"), undefined);
    const links = await Promise.all(
      (await message.locator("a").all()).map((link) => link.getAttribute("href")),
    );
    assert.deepEqual(links, [
      "https://example.com/",
      "mailto:owl@example.com",
      "https://example.com/pixel.png",
    ]);
    assert.match((await message.textContent()) ?? "", /<script>globalThis\.attacked/);
    await page.click('[data-slot="tool-group-header"]');
    await includes(page, '[data-state="failed"] [data-slot="tool-item-label"]', "⟨U+202E⟩");
  });

  test("a message with thousands of nested quotes or lists is shown as plain text", async () => {
    await open("markdown-deep");
    const texts = page.locator(".sa-markdown");
    assert.equal(await texts.nth(0).locator("> pre").textContent(), ">".repeat(20_000));
    assert.equal(await texts.nth(1).locator("> pre").textContent(), "- ".repeat(2_000));
    assert.equal(await texts.nth(2).locator("> blockquote > blockquote").count(), 1);
    assert.deepEqual(watched.errors, []);
  });

  test("everything works with the keyboard and exposes its state", async () => {
    await open("transcript");
    const header = page.locator('[data-slot="tool-group-header"]');
    await header.focus();
    await page.keyboard.press("Enter");
    assert.equal(await header.getAttribute("aria-expanded"), "true");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    await includes(page, '[data-section="output"]', "# Owls");
    assert.equal(
      await page.locator('[data-slot="tool-item-header"]').first().getAttribute("aria-expanded"),
      "true",
    );
    // The link to the event is a separate button after the one that expands the item.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await shows(page, "#told", "event event-1");
    await page.locator('[data-slot="permission-button"]:enabled').nth(1).press("Enter");
    await shows(page, "#told", "permission-q1 always always");
  });

  test("the composer sends on Enter if enabled, and keeps the focus", async () => {
    await open("composer");
    const input = page.getByRole("textbox", { name: "Ask the agent" });
    await input.fill("one");
    await input.press("Shift+Enter");
    await input.pressSequentially("two");
    await input.press("Enter");
    await shows(page, "#sent", '["one\\ntwo"]');
    await input.fill("   ");
    await input.press("Enter");
    assert.equal(await page.getByRole("button", { name: "Send" }).isDisabled(), true);
    await input.fill("three");
    await page.getByRole("button", { name: "Send" }).click();
    await shows(page, "#sent", '["one\\ntwo","three"]');
    assert.equal(await page.evaluate("document.activeElement?.dataset.slot === 'input'"), true);
    await page.getByRole("checkbox").uncheck();
    await input.fill("four");
    await input.press("Enter");
    assert.equal(await input.inputValue(), "four\n");
  });

  test("answering a question moves the focus to the next one; a failure is shown", async () => {
    await open("permissions");
    const title = "document.activeElement?.querySelector?.('[data-slot=permission-title]')?.textContent";
    await page.getByRole("button", { name: "Always Allow" }).first().press("Enter");
    await shows(page, '[role="alert"]', "Always is not offered today");
    for (const [next, count] of [
      ["Push to main", 2],
      ["Say hello", 1],
    ] as const) {
      await page.getByRole("button", { name: "Allow once" }).first().press("Enter");
      await until(page, `${title} === ${JSON.stringify(next)}`);
      assert.equal(await page.getByRole("listitem").count(), count);
    }
    await page.getByRole("button", { name: "Reject" }).press("Enter");
    await until(page, "document.activeElement?.dataset.slot === 'permission-list'");
  });

  test("10,000 entries: few are rendered, the end is followed, and any entry can be scrolled to", async () => {
    await open("transcript-long");
    const scrollTop = "document.querySelector('.scroller').scrollTop";
    const rows = page.locator('[data-slot="virtual-list"] > li');
    await includes(page, ".scroller", "Tool 9999");
    await shows(page, "#at-bottom", "true");
    assert.ok((await rows.count()) < 60, "the page has more rows than a screen needs");
    assert.equal(await rows.last().getAttribute("aria-setsize"), "10000");
    assert.equal(await rows.last().getAttribute("aria-posinset"), "10000");
    await page.click("#add");
    await includes(page, ".scroller", "Added 10000");
    await page.click("#to-middle");
    await includes(page, ".scroller", "Question 5000");
    await shows(page, "#at-bottom", "false");
    await page.click("#add");
    await until(page, `document.querySelector("li[aria-setsize='10002']") !== null`);
    // A reader elsewhere stays there, with thousands of rows below.
    const below = `${scrollTop.replace("Top", "Height")} - ${scrollTop}`;
    assert.ok((await page.evaluate<number>(below)) > 100_000);
    await shows(page, "#at-bottom", "false");
    await page.evaluate(`${scrollTop} = ${scrollTop.replace("Top", "Height")}`);
    await shows(page, "#at-bottom", "true");
  });

  test("a growing answer stays in view, and is announced when it stops growing", async () => {
    await open("transcript-streaming");
    await includes(page, ".sa-agent-conversation-transcript", "Once");
    for (let step = 0; step < 20; step += 1) await page.click("#grow");
    await until(
      page,
      `(() => {
      const scroller = document.querySelector(".sa-agent-conversation-transcript");
      const paragraphs = scroller.querySelectorAll("li:last-child p");
      return paragraphs.length === 21 &&
        scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 2;
    })()`,
    );
    await includes(page, '[data-slot="announcements"]', "upon a time");
  });

  test("earlier messages are not announced: neither late ones, nor prepended ones, nor those of another session", async () => {
    await open("transcript-news");
    const announcements = '[data-slot="announcements"]';
    await page.evaluate(`(() => {
      const region = document.querySelector('${announcements}');
      globalThis.heard = [];
      const listener = new MutationObserver(() => globalThis.heard.push(region.textContent));
      listener.observe(region, { childList: true, characterData: true, subtree: true });
    })()`);
    const steps = [
      ["load", "News 2"],
      ["older", "News 4"],
      ["other", "News 6"],
    ] as const;
    for (const [button, news] of steps) {
      await page.click(`#${button}`);
      await page.click("#speak");
      await includes(page, announcements, news);
    }
    assert.deepEqual(await page.evaluate("globalThis.heard"), ["News 2", "News 4", "News 6"]);
  });

  test("events become a transcript as they arrive; another list starts another transcript", async () => {
    await open("events");
    await shows(page, '[data-slot="message-text"]', "one");
    await page.click("#more");
    await page.click("#more");
    await shows(page, '[data-slot="message-text"]', "one, 2, 3");
    await page.click("#another");
    await shows(page, '[data-slot="message-text"]', "another session");
  });

  test("events that arrive while earlier ones load are shown after them, once; a load error is shown", async () => {
    await open("session-loaded");
    await page.click("#live");
    await shows(page, "#loaded", "false");
    assert.equal(await page.locator('[data-slot="message"]').count(), 0);
    await page.click("#load");
    await shows(page, '[data-slot="message-text"]', "one, two, three");
    await open("session-loaded");
    await page.click("#live");
    await page.click("#refuse");
    await shows(page, '[data-slot="message-text"]', "three");
    await shows(page, '[data-slot="error"]', "The history is gone");
  });

  test("long texts and groups are shown up to the limit, and the rest on demand", async () => {
    await open("transcript-bounds");
    // The longest message is text; the others are Markdown.
    const messages = page.locator('[data-role="assistant"]');
    assert.deepEqual(
      await Promise.all([0, 1, 2].map((at) => messages.nth(at).locator(".sa-markdown em").count())),
      [1, 1, 0],
    );
    for (const header of await page.locator('[data-slot="tool-group-single"] button').all())
      await header.click();
    const more = page.getByRole("button", { name: "Show all 20,001 characters" });
    assert.equal(await page.locator('[data-section="output"] button').count(), 1);
    await more.click();
    assert.equal((await page.locator('[data-section="output"] pre').last().textContent())?.length, 20_001);
    for (const header of await page.locator('[data-slot="tool-group-header"]').all()) await header.click();
    const groups = page.locator('[data-slot="tool-group"]');
    const items = (at: number) => groups.nth(at).locator('[data-slot="tool-item"]').count();
    assert.deepEqual(await Promise.all([0, 1, 2].map(items)), [199, 200, 200]);
    await page.getByRole("button", { name: "Show 1 more of 201" }).click();
    assert.equal(await items(2), 201);
  });

  test("a terminal that cannot be reached reports it and can be retried", async () => {
    await open("terminal-broken");
    await includes(page, '[data-slot="status"]', "attempt");
    const before = Number(await page.textContent("#attempts"));
    await page.getByRole("button", { name: "Reconnect now" }).click();
    await until(page, `Number(document.querySelector("#attempts").textContent) > ${before}`);
    await assertAccessible(page, "terminal-broken");
  });
});
