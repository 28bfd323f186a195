import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { silentLogger, systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser } from "playwright-core";
import type { ApprovalView, DiffFile } from "../../packages/studio/src/contract.ts";
import { assertAccessibleInThemes } from "./support/axe.ts";
import { missing, SharedPage } from "./support/browser.ts";
import { webGateway } from "./support/inspector-server.ts";
import { assertFits, assertNoTrouble } from "./support/pages.ts";
import { scriptedTask, scriptedTaskId, type TaskScript } from "./support/scripted-task.ts";

/** 1,501 small files and one of 60,000 lines, as an import of a vendored folder makes them. */
function largeDiff(): DiffFile[] {
  const small = Array.from({ length: 1_501 }, (_, index) => addedFile(`src/file-${index}.ts`, 3));
  return [...small.slice(0, 2), addedFile("g.ts", 60_000), ...small.slice(2)];
}

function addedFile(path: string, lines: number): DiffFile {
  const body = Array.from({ length: lines }, (_, index) => `+${path} ${index + 1}`).join("\n");
  return {
    path,
    status: "added",
    additions: lines,
    deletions: 0,
    binary: false,
    contentId: `content of ${path}`,
    patch: `@@ -0,0 +1,${lines} @@\n${body}\n`,
    runsOnYourMachine: false,
  };
}

function question(id: string): ApprovalView {
  return {
    id,
    title: "Write README.md",
    kind: "edit",
    detail: "",
    truncated: false,
    options: [{ id: "allow", name: "Allow", kind: "allow_once" }],
    createdAt: Date.now(),
    expiresAt: Date.now() + 600_000,
  };
}

describe("the page of a task", { skip: missing() ?? false }, () => {
  let browser: Browser;
  let pages: SharedPage;

  before(async () => {
    browser = await launchChromium();
    pages = new SharedPage(browser);
  });
  after(() => browser?.close());

  /** A page that shows the task of `script`, and the actors behind it. */
  async function openTask(t: TestContext, script: TaskScript) {
    const directory = await mkdtemp(join(tmpdir(), "holdfast-task-view-"));
    t.after(() => rm(directory, { recursive: true, force: true }));
    const ports = systemPorts(silentLogger);
    const registry = createRegistry({
      use: scriptedTask(script),
      ports,
      store: () => openSqliteStore({ path: directory, ports }),
      gateway: webGateway(directory),
    });
    t.after(() => registry.shutdown());
    const task = registry.client.task.getOrCreate([scriptedTaskId]);
    await task.get();
    const session = registry.client.session.getOrCreate(["018f0000-0000-7000-8000-000000000002"]);
    await session.events({ after: 0 });
    await registry.client.organization.getOrCreate(["local"]).listTasks();
    const { url } = await registry.listen({ port: 0 });
    const page = await pages.open(t, { width: 1600, height: 1000 });
    page.setDefaultTimeout(15_000);
    await page.goto(`${url}/tasks/${scriptedTaskId}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    return { page, task, session };
  }

  test("a diff of 1,502 files, one of them with 60,000 lines, renders only the visible part", async (t) => {
    const { page } = await openTask(t, { status: "idle", files: largeDiff() });
    const count = () => page.evaluate<number>("document.querySelectorAll('*').length");
    await page.locator('[data-file="src/file-0.ts"]').waitFor();
    assert.ok((await count()) < 6_000, `${await count()} elements for a diff that is not scrolled`);

    // A large file is opened, and the rest of its lines is drawn where it is scrolled to.
    await page.getByRole("navigation", { name: "Changed files" }).getByText("g.ts", { exact: true }).click();
    await page.getByText("g.ts 1", { exact: true }).waitFor();
    assert.ok((await count()) < 8_000, `${await count()} elements with the large file open`);
    await page.evaluate("document.querySelector('#change-2').scrollIntoView({ block: 'end' })");
    await page.getByText("g.ts 60000", { exact: true }).waitFor();
    assert.ok((await count()) < 8_000, `${await count()} elements at the end of the large file`);

    // A link of the list leads to a section that was not drawn before.
    await page.evaluate("document.querySelector('.changes').scrollTo(0, 0)");
    await page
      .getByRole("navigation", { name: "Changed files" })
      .getByText("src/file-9.ts", { exact: true })
      .click();
    await page.getByText("src/file-9.ts 1", { exact: true }).waitFor();
    assert.equal(await page.evaluate("document.activeElement.closest('.file-diff')?.id"), "change-10");

    // Typing changes the field alone: nothing of the diff is drawn again.
    const field = page.getByLabel("Next prompt").getByRole("textbox");
    await field.focus();
    await page.evaluate(`
      window.changed = 0;
      new MutationObserver((records) => { window.changed += records.length; })
        .observe(document.querySelector(".changes"), { childList: true, subtree: true, attributes: true });
    `);
    await field.pressSequentially("abcdefghijklmnopqrstuvwxyz");
    assert.equal(await page.evaluate("window.changed"), 0);
    assertNoTrouble(page);
  });

  test("a prompt that is sent while the agent works is shown as queued", async (t) => {
    const { page } = await openTask(t, { status: "running" });
    await page.getByLabel("Next prompt").getByRole("textbox").fill("Then update the docs");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByRole("list", { name: "Queued prompts" }).getByText("Then update the docs").waitFor();
    assert.equal(await page.getByLabel("Next prompt").getByRole("textbox").inputValue(), "");
  });

  test("a question that another window answers is announced, and the title counts the open ones", async (t) => {
    const { page, task } = await openTask(t, { status: "waiting", approvals: [question("q1")] });
    await page.locator('[data-approval="q1"]').waitFor();
    await page.waitForFunction("document.title.startsWith('(1) Needs you')");
    await task.change({ status: "running", approvals: [], openApprovals: 0 });
    await page.locator(".approval-elsewhere").getByText("was answered in another window").waitFor();
    const announced = '[aria-live="assertive"]:has-text("was answered in another window")';
    await page.locator(announced).waitFor({ state: "attached" });
    await page.waitForFunction("document.title.startsWith('Working')");
  });

  test("a task that asks about secrets of a fork needs the person, and no failure is shown", async (t) => {
    const { page, task } = await openTask(t, { status: "preparing" });
    const error = { group: "environment", code: "secrets_not_allowed", message: "Read its changes first." };
    const fork = { number: 7, webUrl: "https://forge.example/7", repository: "eve/app", branch: "main" };
    await task.change({ status: "waiting", error, fork: { ...fork, secrets: "asked" } });
    await page.waitForFunction("document.title.startsWith('Needs you')");
    const announced = '[aria-live="assertive"]:has-text("Needs you: Read its changes first.")';
    await page.locator(announced).waitFor({ state: "attached" });
    const asked = page.getByRole("region", { name: "Secrets of the repository" });
    await asked.getByText("Read its changes first.").waitFor();
    await page.getByText("Waiting for your answer above").waitFor();
    assert.equal(await page.locator(".notice-error").count(), 0);
    await assertAccessibleInThemes(page, "a question about secrets");
    await page.setViewportSize({ width: 320, height: 800 });
    await assertFits(page, "a question about secrets");
    await page.getByRole("button", { name: "Stop", exact: true }).first().click();
    await page.waitForFunction("document.title.startsWith('Stopped')");
    assertNoTrouble(page);
  });

  test("an answer that is given here is not reported as given in another window", async (t) => {
    const { page } = await openTask(t, { status: "waiting", approvals: [question("q1")] });
    await page.locator('[data-approval="q1"]').getByRole("button", { name: "Allow" }).click();
    await page.locator('[aria-live="polite"]:has-text("Answered: Allow.")').waitFor({ state: "attached" });
    assert.equal(await page.getByText("in another window").count(), 0);
  });

  test("a new turn removes the plan of the previous one", async (t) => {
    const { page, session } = await openTask(t, { status: "running" });
    await session.append({ type: "prompt", text: "One" });
    const entries = [{ content: "Read the file", priority: "high", status: "completed" }];
    await session.append({
      type: "acp",
      direction: "from-agent",
      envelope: {
        jsonrpc: "2.0",
        method: "session/update",
        params: { sessionId: "s", update: { sessionUpdate: "plan", entries } },
      },
    });
    await page.getByText("1 of 1").waitFor();
    await session.append({ type: "prompt", text: "Two" });
    await page.locator(".plan").waitFor({ state: "detached" });
  });

  test("a stack says what does not fit, what to do, and that the task below was closed", async (t) => {
    const { page, task } = await openTask(t, { status: "idle" });
    const below = { taskId: "018f0000-0000-7000-8000-000000000009", title: "Count the pelicans" };
    const pull = { branch: "count", number: 7, webUrl: "https://forge.example/7" };
    const parent = { ...below, ...pull, state: "open" } as const;
    const moved = { parent, children: [], onto: "count" };
    await task.change({ stack: { ...moved, conflicts: ["src/count.ts"] } });
    const notice = page.getByRole("region", { name: "Newer base" });
    await notice.getByText("has changed the same lines as this task: src/count.ts").waitFor();
    await assertAccessibleInThemes(page, "conflict of a stack");
    await page.setViewportSize({ width: 320, height: 800 });
    await assertFits(page, "conflict of a stack");
    await notice.getByRole("button", { name: "Ask the agent to resolve" }).click();
    await notice.waitFor({ state: "detached" });
    await task.change({ status: "running", stack: moved });
    await notice.getByText("The task moves there when the agent has finished.").waitFor();
    assert.ok(await notice.getByRole("button", { name: "Rebase now" }).isDisabled());

    await task.change({ status: "idle", stack: { parent: { ...parent, state: "closed" }, children: [] } });
    await page.getByText("#7, below this task, was closed without a merge.").waitFor();
    await assertFits(page, "a closed task below");
    await page.setViewportSize({ width: 1280, height: 900 });
    await assertAccessibleInThemes(page, "a closed task below");
    const chain = page.getByRole("navigation", { name: "Stack" });
    assert.match(await chain.getByRole("link").innerText(), /Count the pelicans #7/);
    assertNoTrouble(page);
  });

  test("the link to processes and files says in place that the sandbox is not running", async (t) => {
    const { page } = await openTask(t, { status: "idle" });
    const address = page.url();
    // The Studio's answer for a task whose agent has stopped; this server has no logins.
    const problem = JSON.stringify({ group: "task", code: "sandbox_not_running" });
    await page.route("**/sandbox/v1/health", (route) =>
      route.fulfill({ status: 409, contentType: "application/problem+json", body: problem }),
    );
    await page.getByRole("link", { name: "Processes and files" }).click();
    await page.getByText("The sandbox is not running").first().waitFor();
    assert.equal(page.url(), address);
  });

  test("is reached from its sandbox on the page System, which names nodes, also one that does not answer", async (t) => {
    const usage = { memoryBytes: 96 * 1024 ** 2, pids: 4, diskBytes: 3 * 1024 ** 2 };
    const { page } = await openTask(t, {
      status: "idle",
      files: [],
      sandboxes: [
        { id: "jail", node: "south", startedAt: 0, task: { id: scriptedTaskId, title: "Fix it" }, ...usage },
        { id: "environment-1", node: "north", startedAt: 0 },
      ],
      unanswered: ["east"],
    });
    await page.getByRole("link", { name: "System" }).click();
    await page.getByText("No answer from east: what runs there is missing here.").waitFor();
    const row = page.locator('[data-sandbox="jail"]');
    await row.getByText(/^on south · for /).waitFor();
    await assertAccessibleInThemes(page, "system");
    await page.setViewportSize({ width: 320, height: 800 });
    await assertFits(page, "system");
    await row.getByRole("link", { name: "Fix it" }).press("Enter");
    await page.waitForURL(`**/tasks/${scriptedTaskId}`);
    assertNoTrouble(page);
  });
});
