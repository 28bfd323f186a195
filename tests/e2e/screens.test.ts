import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { assertAccessible } from "./support/axe.ts";
import { missing, openPage } from "./support/browser.ts";
import {
  approvalCard,
  assertFits,
  keepScreenshot,
  openTasks,
  signIn,
  startTask,
  waitForStatus,
} from "./support/pages.ts";
import { createRepository, git } from "./support/repository.ts";
import { assertNoTrouble, RunningApp, show } from "./support/running-app.ts";
import { StudioProcess } from "./support/studio.ts";

const absent = missing();

/** Text that is written from right to left. */
const arabic = "\u0623\u0636\u0641 \u0633\u0637\u0631\u0627";

async function check(page: Page, name: string): Promise<void> {
  await assertFits(page, name);
  await assertAccessible(page, name);
  await keepScreenshot(page, name);
}

describe("every screen", { skip: absent ?? false }, () => {
  let studio: StudioProcess;
  let browser: Browser;
  let app: RunningApp;

  /** Address of a task that has ended, which cases share. */
  let finished: string | undefined;

  before(async () => {
    browser = await launchChromium();
    app = new RunningApp(browser);
    studio = await StudioProcess.create();
  });
  after(async () => {
    await browser?.close();
    await studio?.dispose();
  });

  async function openFinishedTask(page: Page): Promise<void> {
    await openTasks(page, studio);
    if (finished === undefined) {
      await startTask(page, { prompt: `Add a line to the README without asking\n${arabic}` });
      finished = page.url();
    } else await show(page, finished);
    await waitForStatus(page, "idle");
  }

  async function send(page: Page, text: string): Promise<void> {
    await page.getByLabel("Next prompt").getByRole("textbox").fill(text);
    await page.getByRole("button", { name: "Send" }).click();
  }

  test("a task is started, allowed and looked at on a phone, and the page does not say 'no changes' before it has read them", async (t) => {
    const page = await app.open(t, { width: 400, height: 860, colorScheme: "dark" });
    await openTasks(page, studio);
    await startTask(page, { prompt: `Add a line to the README\n${arabic}` });
    await approvalCard(page).waitFor();
    await assertFits(page, "a question");
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.getByText("The agent has not changed any files yet.").waitFor();
    const held = Promise.withResolvers<void>();
    await page.route("**/actions/diff*", async (route) => {
      await held.promise;
      await route.continue();
    });
    const asked = page.waitForRequest("**/actions/diff*");
    await approvalCard(page).locator('[data-kind="allow_once"]').click();
    await asked;
    await waitForStatus(page, "idle");
    finished = page.url();
    await page.getByText("Loading the changes", { exact: true }).waitFor();
    assert.equal(await page.getByText("The agent changed no files.").count(), 0);
    held.resolve();
    await page.setViewportSize({ width: 400, height: 860 });
    await page.getByRole("tab", { name: "Changes", exact: true }).click();
    await page.locator('[data-file="README.md"]').waitFor();
    await assertFits(page, "changes");
    await page.getByRole("link", { name: "Tasks", exact: true }).click();
    await page.locator(".task-list").waitFor();
    await assertFits(page, "tasks");
    await page.getByRole("link", { name: "System" }).click();
    await page.getByRole("heading", { name: "System" }).waitFor();
    await page.locator("[data-check]").first().waitFor();
    await page.locator('[data-agent="demo"]').waitFor();
    await assertFits(page, "system");
    assertNoTrouble(page);
  });

  test("the draft of a new task is kept: at another page width, when the form is closed, on other pages, after a reload, as the chosen theme is; pressing Control+Enter twice starts one task", async (t) => {
    const page = await app.open(t, { width: 1600, height: 1000, colorScheme: "light" });
    await openFinishedTask(page);
    await page.getByRole("link", { name: "Tasks", exact: true }).click();
    await page.getByRole("button", { name: "Use the dark theme" }).click();
    assert.equal(await page.evaluate("document.documentElement.dataset.theme"), "dark");
    const prompt = page.getByLabel("Describe the task");
    await prompt.fill("Not started yet");
    await page.setViewportSize({ width: 400, height: 860 });
    await prompt.waitFor({ state: "detached" });
    for (let times = 0; times < 2; times += 1) {
      await page.getByRole("button", { name: "New task" }).click();
      assert.equal(await prompt.inputValue(), "Not started yet");
      await page.getByRole("button", { name: "Close" }).click();
      await prompt.waitFor({ state: "detached" });
    }
    await page.setViewportSize({ width: 1600, height: 1000 });
    await page.getByRole("link", { name: "System" }).click();
    await page.getByRole("heading", { name: "System" }).waitFor();
    await page.goBack();
    assert.equal(await prompt.inputValue(), "Not started yet");
    const repository = page.getByLabel("Repository");
    await repository.fill("/not/there");
    await page.reload();
    await page.getByRole("button", { name: "Use the light theme" }).waitFor();
    assert.equal(await prompt.inputValue(), "Not started yet");
    assert.equal(await repository.inputValue(), "/not/there");
    await page.locator('.repository-check[data-check="failed"]').waitFor();
    await page.getByRole("button", { name: "Use the sample repository" }).click();
    await page.locator('.agent-choice input[value="demo"]').check();
    let starts = 0;
    const held = Promise.withResolvers<void>();
    await page.route("**/actions/createTask*", async (route) => {
      starts += 1;
      await held.promise;
      await route.continue();
    });
    await prompt.press("Control+Enter");
    await page.getByRole("button", { name: "Starting…" }).waitFor();
    await prompt.press("Control+Enter");
    held.resolve();
    await page.waitForURL(/\/tasks\/./);
    await waitForStatus(page, "waiting");
    assert.equal(starts, 1);
    await page.goBack();
    assert.equal(await prompt.inputValue(), "", "a task that was started is no draft any more");
    await page.getByRole("button", { name: "Use the light theme" }).click();
  });

  test("a double click triggers its button once", async (t) => {
    const page = await app.open(t);
    const sent: string[] = [];
    page.on("request", (request) => {
      const action = /actions\/(prompt|apply)/.exec(request.url())?.[1];
      if (action !== undefined) sent.push(action);
    });
    await openFinishedTask(page);
    await page.getByLabel("Next prompt").getByRole("textbox").fill("Run `echo twice` without asking");
    await page.getByRole("button", { name: "Send" }).dblclick();
    await page.locator(".prompt-text").getByText("Run `echo twice`").waitFor();
    await waitForStatus(page, "idle");
    await page.getByRole("button", { name: "Apply to branch" }).dblclick();
    await page.getByTestId("applied").waitFor();
    assert.deepEqual(sent, ["prompt", "apply"]);
    assertNoTrouble(page);
  });

  test("the current page and tab differ from the others where the system chooses the colours", async (t) => {
    const page = await app.open(t, { width: 400, height: 860 });
    await page.emulateMedia({ forcedColors: "active" });
    t.after(() => page.emulateMedia({ forcedColors: null }));
    await openFinishedTask(page);
    const lines = (selector: string) =>
      page.evaluate<readonly string[]>(
        `[...document.querySelectorAll(${JSON.stringify(selector)})].map((element) => {
          const { borderTopColor, borderBottomColor } = getComputedStyle(element);
          return borderTopColor === borderBottomColor ? "none" : "below";
        })`,
      );
    for (const [all, current] of [
      [".top nav a", ":is([aria-current], .nav-parent)"],
      [".tabs > button", '[aria-selected="true"]'],
    ] as const) {
      assert.deepEqual(await lines(`${all}${current}`), ["below"]);
      assert.deepEqual(new Set(await lines(`${all}:not(${current})`)), new Set(["none"]));
    }
    await check(page, "task-forced-colours");
  });

  test("right-to-left text is laid out from right to left, code is not", async (t) => {
    const page = await app.open(t);
    await openFinishedTask(page);
    await page.locator(".prompt-text").first().waitFor();
    const field = page.getByLabel("Next prompt").getByRole("textbox");
    await field.fill(arabic);
    // Where the words stand in their box: from the left, and from the right.
    const margins = (selector: string) =>
      page.evaluate<readonly [number, number]>(`(() => {
        const box = document.querySelector(${JSON.stringify(selector)});
        const range = document.createRange();
        range.setStart(box.firstChild, box.firstChild.data.indexOf("\\n") + 1);
        range.setEnd(box.firstChild, box.firstChild.length);
        const outer = box.getBoundingClientRect();
        const inner = range.getBoundingClientRect();
        return [inner.left - outer.left, outer.right - inner.right];
      })()`);
    const [left, right] = await margins(".prompt-text");
    assert.ok(right < left, `${left} pixels from the left, ${right} from the right`);
    await keepScreenshot(page, "task-right-to-left");
    const direction = await page.evaluate("getComputedStyle(document.activeElement).unicodeBidi");
    assert.equal(direction, "plaintext");
  });

  test("a path that is no usable repository is explained while it is typed, and again when the window gets the focus after changes in a terminal", async (t) => {
    const page = await app.open(t);
    await openTasks(page, studio);
    const field = page.getByLabel("Repository");
    const said = page.locator(".repository-check");
    await field.fill(join(studio.directory, "nothing-here"));
    await said.getByText("There is no folder at this path.").waitFor();
    await field.fill("relative/path");
    await page.locator('.repository-check[data-check="failed"]').waitFor();
    const repository = await createRepository(studio.directory, "dirty");
    await writeFile(join(repository, "README.md"), "not committed\n");
    await field.fill(repository);
    await said.getByText("has uncommitted changes").waitFor();
    await git(repository, "commit", "--quiet", "--all", "--message", "Change");
    const agents = page.waitForResponse(/actions\/listAgents/);
    await page.evaluate('window.dispatchEvent(new Event("focus"))');
    await page.locator('.repository-check[data-check="clean"]').waitFor();
    await agents;
    // What was not usable.
    assertNoTrouble(page, /status of 40[04]/);

    await writeFile(join(repository, "README.md"), "not committed again\n");
    await page.evaluate('window.dispatchEvent(new Event("focus"))');
    await said.getByText("has uncommitted changes").waitFor();
    await page.getByLabel("Describe the task").fill("Add a line to the README without asking");
    await page.getByRole("button", { name: "Start task" }).click();
    await said
      .getByText("Commit the changes, or tick “Start from the last commit” to leave them out.")
      .waitFor();
    await page.getByLabel("Start from the last commit").check();
    await page.getByRole("button", { name: "Start task" }).click();
    await page.waitForURL(/\/tasks\/./);
    await waitForStatus(page, "idle");
    await page.locator('[data-file="README.md"]').waitFor();
  });

  test("long names fit the narrowest page, and hidden characters in a title are escaped", async (t) => {
    const page = await app.open(t, { width: 320, height: 640 });
    await openTasks(page, studio);
    const repository = await createRepository(studio.directory, "n".repeat(120));
    await startTask(page, { repository, prompt: `\u202e${"W".repeat(80)} add a line to the README` });
    await approvalCard(page).waitFor();
    await page.getByRole("heading", { level: 1 }).getByText("⟨U+202E⟩").waitFor();
    await page.locator(".prompt-text").getByText("⟨U+202E⟩").waitFor();
    await check(page, "task-long-names");
    const name = await page.locator(".task-meta").getByText("n".repeat(120)).boundingBox();
    assert.ok(name !== null && name.x + name.width <= 320, "the repository's name is cut off");
    // As at 400 % zoom: a question can still be read, and its answers be reached.
    await page.setViewportSize({ width: 320, height: 256 });
    const dock = await page.locator(".dock").boundingBox();
    assert.ok(dock !== null && dock.height >= 200, `${dock?.height} pixels for a question`);
    await check(page, "task-low-window");
    await openTasks(page, studio);
    await page.locator(".task-list").getByText("⟨U+202E⟩").first().waitFor();
    await assertFits(page, "tasks with long names");
  });

  test("an unknown task and an unknown page say so", async (t) => {
    const page = await app.open(t);
    await openTasks(page, studio);
    await show(page, `${studio.url}/tasks/00000000-0000-7000-8000-000000000000`);
    await page.getByRole("heading", { name: "Task not found" }).waitFor();
    await assertAccessible(page, "an unknown task");
    await page.goto(`${studio.url}/nowhere`);
    await page.getByRole("heading", { name: "Page not found" }).waitFor();
  });

  test("an agent that ends at once fails the task in words, and a prompt tries again", async (t) => {
    const page = await app.open(t);
    await openTasks(page, studio);
    await startTask(page, { prompt: "crash" });
    await waitForStatus(page, "failed");
    await page
      .locator(".dock .notice-error")
      .getByText(/agent\.\w+/)
      .waitFor();
    await check(page, "task-failed");
    await page.getByLabel("Next prompt").getByRole("textbox").fill("Add a line to the README without asking");
    await page.getByRole("button", { name: "Send" }).click();
    await waitForStatus(page, "idle");
    await page.locator('[data-file="README.md"]').waitFor();
  });

  test("the draft of a prompt is kept: next to another tab, on a wider page, after a reload, and while a prompt is sent", async (t) => {
    const page = await app.open(t, { width: 400, height: 860 });
    await openFinishedTask(page);
    const field = page.getByLabel("Next prompt").getByRole("textbox");
    await field.fill("Run `echo one` without asking");
    await page.getByRole("tab", { name: "Changes", exact: true }).click();
    await field.waitFor({ state: "detached" });
    await page.getByRole("tab", { name: "Conversation" }).click();
    assert.equal(await field.inputValue(), "Run `echo one` without asking");
    await page.setViewportSize({ width: 1600, height: 1000 });
    await page.getByRole("region", { name: "Conversation" }).waitFor();
    assert.equal(await field.inputValue(), "Run `echo one` without asking");
    await page.getByRole("link", { name: "Tasks", exact: true }).click();
    await page.locator(".task-row-title").first().waitFor();
    await page.goBack();
    assert.equal(await field.inputValue(), "Run `echo one` without asking");
    await page.reload();
    assert.equal(await field.inputValue(), "Run `echo one` without asking");
    const held = Promise.withResolvers<void>();
    await page.route("**/actions/prompt*", async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.getByRole("button", { name: "Send" }).click();
    await field.press("End");
    await field.pressSequentially(" and more");
    held.resolve();
    await page.locator(".prompt-text").getByText("Run `echo one`").waitFor();
    await page.getByRole("button", { name: "Send" }).and(page.locator(":enabled")).waitFor();
    assert.equal(await field.inputValue(), " and more");
    assertNoTrouble(page);
  });

  test("a task and a prompt sent again after a lost answer take effect once", async (t) => {
    const page = await app.open(t);
    const keys: (string | undefined)[] = [];
    await page.route(/actions\/(createTask|prompt)/, async (route) => {
      keys.push(route.request().headers()["idempotency-key"]);
      const response = await route.fetch();
      // The first answer of each is a proxy's own page.
      const lost = keys.length % 2 === 1;
      await route.fulfill(
        lost ? { status: 500, contentType: "text/html", body: "<h1>Oops</h1>" } : { response },
      );
    });
    await openTasks(page, studio);
    await page.getByRole("button", { name: "Use the sample repository" }).click();
    await page.locator('.agent-choice input[value="demo"]').check();
    await page.getByLabel("Describe the task").fill("Add a line to the README without asking");
    await page.getByRole("button", { name: "Start task" }).click();
    await page.getByText("The task was not started.").waitFor();
    await page.getByRole("button", { name: "Start task" }).click();
    await page.waitForURL(/\/tasks\/./);
    await waitForStatus(page, "idle");
    const field = page.getByLabel("Next prompt").getByRole("textbox");
    await field.fill("Run `echo one` without asking");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("The prompt was not sent.").waitFor();
    await waitForStatus(page, "idle");
    // The notice goes away when the prompt is sent again, before the request reaches the route.
    const answered = page.waitForResponse(/actions\/prompt/);
    await page.getByRole("button", { name: "Send" }).and(page.locator(":enabled")).click();
    assert.equal((await answered).status(), 200);
    await page.getByText("The prompt was not sent.").waitFor({ state: "detached" });
    const [task, taskAgain, prompt, promptAgain] = keys;
    assert.equal(taskAgain, task);
    assert.equal(promptAgain, prompt);
    assert.notEqual(prompt, task);
    await page.locator(".prompt-text").nth(1).waitFor();
    assert.equal(await page.locator(".prompt-text").count(), 2);
  });

  test("the gate's question shows the rule that would always allow the like, and writes it; many are answered at once, and only those that are selected", async (t) => {
    const page = await app.open(t);
    const wish = '{"name":"far","prompt":"look","at":"2099-01-01"}';
    await openFinishedTask(page);
    await send(page, `Run \`ipc tool.invoke.schedule_create '${wish}'\` without asking`);
    const card = approvalCard(page);
    await card.getByText("This action takes effect outside the jail.").waitFor();
    await card.locator("summary").click();
    await card.getByText('"schedule_create"').waitFor();
    await check(page, "task-rule");
    await card.getByRole("button", { name: "Always allow this narrowly" }).click();
    await waitForStatus(page, "idle");
    const policy = await readFile(join(studio.directory, "data", "policy.json"), "utf8");
    assert.match(policy, /"id": "allow-schedule_create-[0-9a-f]{12}"/);

    const call = (name: string) =>
      `ipc tool.invoke.schedule_create '{"name":"${name}","prompt":"look","at":"2099-01-01"}'`;
    const calls = ["one", "two", "three"].map((name) => `(${call(name)} || true)`).join(" & ");
    const allowed = page.locator('[data-approval-state="allowed"]');
    const denied = page.locator('[data-approval-state="denied"]');
    const before = { allowed: await allowed.count(), denied: await denied.count() };
    await send(page, `Run \`${calls} & wait\` without asking`);
    const batch = page.locator("[data-approval-batch]");
    await batch.getByRole("heading", { name: "3 questions waiting" }).waitFor();
    const allow = batch.getByRole("button", { name: "Allow 0 once" });
    assert.ok(await allow.isDisabled(), "nothing is selected at first");
    await batch.getByRole("checkbox", { name: /"two"/ }).check();
    await batch.getByRole("checkbox", { name: /"three"/ }).check();
    await check(page, "task-batch");
    await batch.getByRole("button", { name: "Allow 2 once" }).click();
    await batch.waitFor({ state: "detached" });
    await approvalCard(page).getByText('"one"').first().waitFor();
    await approvalCard(page).locator('[data-kind="reject_once"]').click();
    await waitForStatus(page, "idle");
    assert.equal(await allowed.count(), before.allowed + 2);
    assert.equal(await denied.count(), before.denied + 1);
    assertNoTrouble(page);
  });

  test("the second click of a double click does not answer the question that comes into its place, and an answer in another window does", async (t) => {
    const page = await app.open(t);
    let answers = 0;
    page.on("request", (request) => {
      if (request.url().includes("/actions/answer")) answers += 1;
    });
    await openTasks(page, studio);
    await startTask(page, { prompt: "twice write notes" });
    const cards = page.locator("[data-approval]");
    await cards.nth(1).waitFor();
    await cards.first().locator('[data-kind="allow_once"]').click();
    await cards.nth(1).waitFor({ state: "detached" });
    const place = await cards.locator('[data-kind="allow_once"]').boundingBox();
    assert.ok(place !== null);
    await page.mouse.move(place.x + place.width / 2, place.y + place.height / 2);
    await page.mouse.down({ clickCount: 2 });
    await page.mouse.up({ clickCount: 2 });
    assert.equal(await cards.count(), 1);
    assert.equal(answers, 1);
    const other = await page.context().newPage();
    await other.goto(page.url());
    await approvalCard(other).locator('[data-kind="reject_once"]').click();
    await cards.waitFor({ state: "detached" });
    await page.locator('[data-approval-state="denied"]').waitFor();
    await waitForStatus(page, "idle");
    assert.equal(await page.locator('[data-approval-state="allowed"]').count(), 1);
    assert.equal(await page.locator('[data-approval-state="denied"]').count(), 1);
  });

  test("work without a jail is marked wherever it is shown", async (t) => {
    const unsafe = await StudioProcess.create({ args: ["--unsafe-no-jail"] });
    t.after(() => unsafe.dispose());
    const page = await openPage(browser, t);
    await signIn(page, unsafe);
    await page.getByText("Agents run as ordinary programs").waitFor();
    await startTask(page, { prompt: "Add a line to the README" });
    await approvalCard(page).waitFor();
    await page.locator(".task-header").getByText("no jail").waitFor();
    await check(page, "task-unsafe");
    await approvalCard(page).locator('[data-kind="reject_once"]').click();
    await waitForStatus(page, "idle");
    await page.getByRole("link", { name: "Tasks", exact: true }).click();
    await page.locator(".task-row").getByText("no jail").waitFor();
  });

  test("the inspector shows the Studio's own actors to its owner, and asks others to sign in", async (t) => {
    const page = await app.open(t);
    await openTasks(page, studio);
    await page.getByRole("link", { name: "Actors", exact: true }).click();
    await page.getByRole("link", { name: "organization local" }).click();
    await page.locator('[data-live="running"]').waitFor();
    await page.getByTestId("state").getByText("tasks").waitFor();
    assertNoTrouble(page);
    await page.context().clearCookies();
    t.after(() => page.goto("about:blank"));
    await page.goto(`${studio.url}/inspector`);
    await page.getByRole("heading", { name: "This browser is not signed in" }).waitFor();
  });

  test("a long log streams, opens at its end, and renders only the visible part", async (t) => {
    const page = await app.open(t);
    await openFinishedTask(page);
    await send(page, "flood 2000");
    await page.getByRole("button", { name: /^Show all .* characters$/ }).waitFor();
    await waitForStatus(page, "idle");
    await page.reload();
    await page.getByText(/2000 x+/).waitFor();
    const nodes = await page.evaluate<number>('document.querySelectorAll("*").length');
    assert.ok(nodes < 1_000, `${nodes} elements are drawn`);
    assertNoTrouble(page);
  });
});
