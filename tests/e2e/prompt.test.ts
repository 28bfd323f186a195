/** The box in which prompts are written, on the page of a scripted task. */
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
import type { DiffFile, TaskView } from "../../packages/studio/src/contract.ts";
import { assertAccessible, assertAccessibleInThemes } from "./support/axe.ts";
import { missing, openPage, SharedPage } from "./support/browser.ts";
import { webGateway } from "./support/inspector-server.ts";
import { assertNoTrouble } from "./support/pages.ts";
import { scriptedTask, scriptedTaskId } from "./support/scripted-task.ts";

const patch = "@@ -1,2 +1,3 @@\n a\n+b\n c\n@@ -40 +41 @@\n-d\n+e\n";
const changed: DiffFile = {
  ...{ path: "src/main.ts", status: "modified", additions: 2, deletions: 1, binary: false },
  ...{ contentId: "1", patch, runsOnYourMachine: false },
};

const fieldOf = (page: Page) => page.getByRole("textbox", { name: "Next prompt" });
const options = (page: Page) => page.getByRole("option");
const queued = (page: Page) => page.locator(".queued-text").allTextContents();

/** Resolves when the field has this text. */
function untilValue(page: Page, text: string): Promise<unknown> {
  return page.evaluate(`new Promise((resolve) => {
    const look = () =>
      document.querySelector("textarea").value === ${JSON.stringify(text)} ? resolve(true) : requestAnimationFrame(look);
    look();
  })`);
}

describe("the prompt box", { skip: missing() ?? false }, () => {
  let browser: Browser;
  let pages: SharedPage;
  let url: string;
  let stopServer: () => Promise<void>;
  let change: (view: Partial<TaskView>) => Promise<unknown>;
  let append: (body: unknown) => Promise<unknown>;

  before(async () => {
    browser = await launchChromium();
    pages = new SharedPage(browser);
    const directory = await mkdtemp(join(tmpdir(), "holdfast-prompt-"));
    const ports = systemPorts(silentLogger);
    const registry = createRegistry({
      use: scriptedTask({ status: "idle", files: [changed] }),
      ports,
      store: () => openSqliteStore({ path: directory, ports }),
      gateway: webGateway(directory),
    });
    const task = registry.client.task.getOrCreate([scriptedTaskId]);
    const session = registry.client.session.getOrCreate(["018f0000-0000-7000-8000-000000000002"]);
    await task.get();
    change = (view) => task.change(view);
    append = (body) => session.append(body as never);
    await registry.client.organization.getOrCreate(["local"]).listTasks();
    const prompts = ["Add a line", "Then test it"].map((text) => ({ type: "prompt", text }));
    const update = {
      sessionUpdate: "available_commands_update",
      availableCommands: [{ name: "review", description: "Reviews the changes" }],
    };
    const modes = {
      currentModeId: "ask",
      availableModes: [
        { id: "ask", name: "Ask" },
        { id: "code", name: "Code" },
      ],
    };
    const from = (envelope: unknown) => ({ type: "acp", direction: "from-agent", envelope });
    await append({ type: "acp", direction: "to-agent", envelope: { id: 1, method: "session/new" } });
    await append(from({ id: 1, result: { sessionId: "s", modes } }));
    await append(from({ method: "session/update", params: { update } }));
    for (const prompt of prompts) await append(prompt);
    ({ url } = await registry.listen({ port: 0 }));
    stopServer = async () => {
      await registry.shutdown();
      await rm(directory, { recursive: true, force: true });
    };
  });
  after(async () => {
    await browser?.close();
    await stopServer?.();
  });

  async function openTask(t: TestContext, size: { width?: number } = {}, page?: Page) {
    page ??= await pages.open(t, size);
    page.setDefaultTimeout(15_000);
    await page.goto(`${url}/tasks/${scriptedTaskId}`);
    await page.getByText("Then test it").first().waitFor();
    return page;
  }

  test("completes files, tasks, changed lines and commands with the keyboard", async (t) => {
    const page = await openTask(t, { width: 1280 });
    const field = fieldOf(page);
    await field.fill("");
    await field.pressSequentially("See @notes");
    await page.getByRole("option", { name: /my notes/ }).waitFor();
    await assertAccessibleInThemes(page, "the completions");
    await field.press("Enter");
    assert.equal(await field.inputValue(), 'See @"src/my notes.md" ');
    await field.pressSequentially("and #");
    await options(page).nth(1).waitFor();
    await field.press("ArrowDown");
    const active = await field.getAttribute("aria-activedescendant");
    assert.equal(await page.locator(`[id="${active}"]`).getAttribute("aria-selected"), "true");
    await field.press("Tab");
    assert.equal(await field.inputValue(), 'See @"src/my notes.md" and @src/main.ts#L41 ');

    await field.fill("");
    await field.pressSequentially("@src/main.ts#7-9");
    await options(page).first().waitFor();
    await field.press("Enter");
    assert.equal(await field.inputValue(), "@src/main.ts#L7-L9 ");

    await field.fill("");
    await field.pressSequentially("/re");
    await page.getByRole("option", { name: /review/ }).click();
    assert.equal(await field.inputValue(), "/review ");
    await field.pressSequentially("@");
    await options(page).first().waitFor();
    await field.press("Escape");
    await page.getByRole("listbox").waitFor({ state: "detached" });
    assert.equal(await field.inputValue(), "/review @");
    await field.fill("");
    assertNoTrouble(page);
  });

  test("Enter sends, Shift+Enter begins a line, the arrows go through earlier prompts, Escape stops", async (t) => {
    const page = await openTask(t);
    const field = fieldOf(page);
    await field.fill("");
    await field.press("ArrowUp");
    assert.equal(await field.inputValue(), "Then test it");
    await field.press("ArrowUp");
    assert.equal(await field.inputValue(), "Add a line");
    await field.press("ArrowDown");
    await field.press("ArrowDown");
    assert.equal(await field.inputValue(), "");

    await change({ status: "running" });
    await page.getByText("Escape stops the agent").waitFor();
    await field.pressSequentially("one");
    await field.press("Shift+Enter");
    await field.pressSequentially("more");
    await field.press("Enter");
    await page.locator("[data-queued]").waitFor();
    assert.deepEqual(await queued(page), ["one\nmore"]);
    assert.equal(await field.inputValue(), "");
    await field.press("Escape");
    await page.getByText("Stopped. Send a prompt to continue.").waitFor();
    await change({ status: "idle", queued: [] });
    assertNoTrouble(page);
  });

  test("queued prompts are edited, moved and removed", async (t) => {
    const page = await openTask(t, { width: 400 });
    await change({ status: "running", queued: ["one", "two", "three"].map((text) => ({ id: text, text })) });
    await page.locator('[data-queued="three"]').waitFor();
    await assertAccessible(page, "the queue");
    await page.getByRole("button", { name: "Up: three" }).click();
    await page.locator('[data-queued="two"] + *').waitFor({ state: "detached" });
    assert.deepEqual(await queued(page), ["one", "three", "two"]);
    await page.getByRole("button", { name: "Remove: one" }).click();
    await page.locator('[data-queued="one"]').waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Edit: three" }).press("Enter");
    const editor = page.getByRole("textbox", { name: "Queued prompt" });
    assert.equal(await editor.inputValue(), "three");
    await page.keyboard.type(" and four");
    await page.keyboard.press("Control+Enter");
    await editor.waitFor({ state: "detached" });
    assert.deepEqual(await queued(page), ["three and four", "two"]);
    const overflow = await page.evaluate<number>(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
    assert.equal(overflow, 0);
    await change({ status: "idle", queued: [] });
    assertNoTrouble(page);
  });

  test("an option of the agent is chosen", async (t) => {
    const page = await openTask(t);
    const mode = page.getByRole("combobox", { name: "Mode" });
    assert.equal(await mode.inputValue(), "ask");
    await mode.selectOption("code");
    await page.getByText("Used from the next prompt on.").waitFor({ state: "attached" });
    assert.equal(await mode.inputValue(), "code");
    assertNoTrouble(page);
  });

  test("a draft is on the other device of its author, who may go on there", async (t) => {
    const laptop = await openTask(t);
    await fieldOf(laptop).fill("half a sentence");
    const phone = await openTask(t, {}, await openPage(browser, t, { width: 400 }));
    await untilValue(phone, "half a sentence");
    await fieldOf(phone).fill("a whole sentence");
    await untilValue(laptop, "a whole sentence");
    await fieldOf(laptop).fill("");
    await untilValue(phone, "");
    assertNoTrouble(laptop);
  });
});
