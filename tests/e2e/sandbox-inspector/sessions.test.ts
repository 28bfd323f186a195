import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, test } from "node:test";
import { createSandboxServer } from "@holdfast/sandbox";
import { buildInspectorUrl } from "@holdfast/sandbox-client";
import { missingChromium } from "@holdfast/testing/chromium";
import type { Page } from "playwright-core";
import { assertAccessible, assertAccessibleInThemes } from "../support/axe.ts";
import { openPage } from "../support/browser.ts";
import { assertNoTrouble, SandboxInspector } from "../support/sandbox-inspector.ts";

describe("the sessions in the inspector of a sandbox server", { skip: missingChromium }, () => {
  let inspector: SandboxInspector;
  before(async () => {
    inspector = await SandboxInspector.create();
  });
  after(() => inspector?.dispose());

  async function openSession(page: Page): Promise<void> {
    await page.getByRole("link", { name: "New", exact: true }).click();
    await page.getByRole("button", { name: "Open session" }).click();
    await page.getByRole("textbox", { name: "Prompt" }).waitFor();
  }

  async function prompt(page: Page, text: string): Promise<void> {
    await page.getByRole("textbox", { name: "Prompt" }).fill(text);
    await page.keyboard.press("Enter");
  }

  test("a token leaves the address, stays with the tab, and is asked for where it is missing", async (t) => {
    const page = await inspector.open(t);
    assert.equal(page.url(), `${inspector.server.url}/ui/sessions`);
    await page.reload();
    await page.getByRole("heading", { name: "New session" }).waitFor();

    const other = await openPage(inspector.browser, t);
    await other.goto(`${inspector.server.url}/ui/files`);
    await other.getByLabel("Token").fill("wrong");
    await other.getByRole("button", { name: "Connect" }).click();
    await other.getByText("The server rejected this token.").waitFor();
    // The printed link, pasted into this tab, differs from its address by the fragment alone.
    const third = await openPage(inspector.browser, t);
    await third.goto(`${inspector.server.url}/ui/`);
    await third.getByLabel("Token").waitFor();
    await third.goto(`${inspector.server.url}/ui/#token=${inspector.server.token}`);
    await third.getByRole("heading", { name: "New session" }).waitFor();
    assert.equal(new URL(third.url()).hash, "");
    await assertAccessible(other, "the question for the token");
    await other.getByLabel("Token").fill(inspector.server.token ?? "");
    await other.keyboard.press("Enter");
    await other.getByRole("table").or(other.getByText("This folder is empty.")).first().waitFor();
    assert.equal(other.url(), `${inspector.server.url}/ui/files`);
    assertNoTrouble(page);
    assertNoTrouble(other);
  });

  test("a server that does not answer when the page opens is found once it does", async (t) => {
    const page = await openPage(inspector.browser, t);
    let asked = 0;
    const back = Promise.withResolvers<void>();
    await page.route("**/v1/health", async (route) => {
      asked += 1;
      if (asked === 1) return route.abort("connectionrefused");
      await back.promise;
      await route.continue();
    });
    const { url = "", token = "" } = inspector.server;
    await page.goto(buildInspectorUrl({ baseUrl: url, token }));
    await page.getByText("The server does not answer.").waitFor();
    back.resolve();
    await page.getByRole("navigation", { name: "Main" }).waitFor();
    assert.equal(asked, 2);
    assertNoTrouble(page);
  });

  test("a part that does not load leaves the others usable, and comes when it can", async (t) => {
    const page = await inspector.open(t, "", { loads: true });
    await page.route("**/assets/files-screen*", (route) => route.abort());
    await page.route("**/ui/files", (route) => route.abort());
    await page.getByRole("link", { name: "Files" }).click();
    await page.getByRole("heading", { name: "This page could not be loaded" }).waitFor();
    await page.getByRole("link", { name: "Processes" }).click();
    await page.getByRole("heading", { name: "New process" }).waitFor();
    await page.getByRole("link", { name: "Files" }).click();
    await page.getByRole("heading", { name: "This page could not be loaded" }).waitFor();
    await page.unrouteAll();
    await page.getByRole("table").or(page.getByText("This folder is empty.")).first().waitFor();
  });

  test("a session from its prompt to its end: events as they come, a question answered in place", async (t) => {
    const page = await inspector.open(t);
    await openSession(page);
    await prompt(page, 'add the line "seen in the inspector" to README.md');
    const conversation = page.getByRole("log", { name: "Transcript" });
    await conversation.getByRole("button", { name: "Allow once" }).waitFor();
    await page.getByTestId("pending-count").waitFor();
    await assertAccessible(page, "a conversation with a question");
    assert.equal(await readFile(join(inspector.work, "README.md"), "utf8"), "# Sample\n");
    await conversation.getByRole("button", { name: "Allow once" }).click();
    await conversation.getByText("Done.").waitFor();
    await page.getByTestId("pending-count").waitFor({ state: "detached" });
    assert.match(await readFile(join(inspector.work, "README.md"), "utf8"), /seen in the inspector/);

    await page.getByRole("tab", { name: /^Events/ }).click();
    const events = page.getByTestId("events");
    await page.locator('[data-link="live"]').waitFor();
    await events.getByText("_session/prompt").last().waitFor();
    const numbers = await events.locator(".event-number").allTextContents();
    assert.deepEqual(
      numbers.map(Number),
      numbers.map((_, index) => index + 1),
    );
    await assertAccessible(page, "the events of a session");
    await page.getByLabel("Sender").selectOption("client");
    await events.getByText("_session/prompt").first().waitFor({ state: "detached" });
    await page.getByLabel("Search").fill("seen in the inspector");
    await events.locator("li").nth(1).waitFor({ state: "detached" });
    await events.locator("summary").click();
    await events.getByText('"method": "session/prompt"').waitFor();
    assertNoTrouble(page);
  });

  test("the scroll position in the events is kept, also if the list was empty at first", async (t) => {
    const page = await inspector.open(t);
    await openSession(page);
    await prompt(page, "run `echo one` without asking");
    await page.getByRole("log", { name: "Transcript" }).getByText("Done.").waitFor();
    const id = page.url().split("/").at(-1);
    const held = Promise.withResolvers<void>();
    await page.route(/\/v1\/sessions\/[^/]+\/events/, async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.reload();
    await page.getByRole("tab", { name: /^Events/ }).click();
    await page.getByText("No messages yet.").waitFor();
    await page.setViewportSize({ width: 1280, height: 480 });
    held.resolve();
    const events = page.getByTestId("events");
    await events.getByText(/, end_turn$/).waitFor();
    const scrollTop = "document.querySelector('.tab-panel').scrollTop";
    assert.ok((await page.evaluate<number>(scrollTop)) > 0, "the end is shown");
    // Two frames: a scroll event is dispatched with the next one.
    await page.evaluate(`(${scrollTop} = 0, new Promise((told) => {
      requestAnimationFrame(() => requestAnimationFrame(told));
    }))`);
    const body = JSON.stringify({ prompt: "run `echo two` without asking" });
    const headers = { "content-type": "application/json" };
    await inspector.call(`/v1/sessions/${id}/prompt`, { method: "POST", headers, body });
    await events
      .getByText(/, end_turn$/)
      .nth(1)
      .waitFor();
    assert.equal(await page.evaluate(scrollTop), 0);
    assertNoTrouble(page);
  });

  test("mode, model and thought level are chosen by keyboard, and hold for the next prompt", async (t) => {
    const page = await inspector.open(t);
    await page.getByRole("link", { name: "New", exact: true }).click();
    await page.getByRole("radio", { name: "mock", exact: true }).check();
    await page.getByRole("button", { name: "Open session" }).click();
    const settings = page.getByRole("group", { name: "Settings of the agent" });
    const [mode, model, thinking] = ["Mode", "Model", "Thinking"].map((name) =>
      settings.getByLabel(name, { exact: true }),
    );
    assert.ok(mode && model && thinking);
    await assertAccessible(page, "the settings of a session");
    const said = page.getByRole("status");
    await model.focus();
    await page.keyboard.press("ArrowDown");
    await said.getByText("Model: Mock Fast").waitFor({ state: "attached" });
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowDown");
    await said.getByText("Thinking: Medium").waitFor({ state: "attached" });
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await said.getByText("Mode: Plan").waitFor({ state: "attached" });

    const id = page.url().split("/").at(-1);
    const session = (await (await inspector.call(`/v1/sessions/${id}`)).json()) as Record<string, unknown>;
    assert.deepEqual([session.mode, session.model, session.thoughtLevel], ["plan", "mock-fast", "medium"]);
    await page.reload();
    await mode.waitFor();
    assert.deepEqual(await Promise.all([mode, model, thinking].map((field) => field.inputValue())), [
      "plan",
      "mock-fast",
      "medium",
    ]);
    assertNoTrouble(page);
  });

  test("text typed while a prompt is sent becomes the next prompt", async (t) => {
    const page = await inspector.open(t);
    await openSession(page);
    const held = Promise.withResolvers<void>();
    await page.route("**/v1/sessions/*/prompt", async (route) => {
      await held.promise;
      await route.continue();
    });
    const send = page.getByRole("button", { name: "Send" });
    const transcript = page.getByRole("log", { name: "Transcript" });
    await prompt(page, "run `echo one` without asking");
    await page.getByRole("textbox", { name: "Prompt" }).pressSequentially("run `echo two` without asking");
    held.resolve();
    await send.and(page.locator(":enabled")).click();
    await transcript.getByText("run `echo one` without asking", { exact: true }).waitFor();
    await transcript.getByText("run `echo two` without asking", { exact: true }).waitFor();
    assertNoTrouble(page);
  });

  test("a draft survives a visit to the session's details", async (t) => {
    const page = await inspector.open(t);
    await openSession(page);
    const field = page.getByRole("textbox", { name: "Prompt" });
    await field.fill("not sent yet");
    await page.getByRole("tab", { name: "Details" }).click();
    await page.getByText("agentSessionId").waitFor();
    assert.equal(await field.isVisible(), false);
    await page.getByRole("tab", { name: "Conversation" }).click();
    await field.waitFor();
    assert.equal(await field.inputValue(), "not sent yet");
    assertNoTrouble(page);
  });

  test("a session deleted elsewhere disappears", async (t) => {
    const page = await inspector.open(t);
    await openSession(page);
    await inspector.call(`/v1/sessions/${page.url().split("/").at(-1)}`, { method: "DELETE" });
    await page.getByRole("alert").getByText("sandbox.session_not_found").waitFor();
    assert.equal(await page.getByRole("textbox", { name: "Prompt" }).count(), 0);
  });

  test("a prompt whose answer was lost is sent again as itself; another text is another prompt", async (t) => {
    const page = await inspector.open(t);
    // A page that comes over plain HTTP from another machine has no such function.
    await page.evaluate("delete Crypto.prototype.randomUUID");
    t.after(() => page.goto("about:blank"));
    await openSession(page);
    const texts: string[] = [];
    await page.route("**/v1/sessions/*/prompt", async (route) => {
      texts.push(route.request().postDataJSON().prompt);
      if (texts.length === 3) return await route.continue();
      await route.fetch();
      await route.abort("connectionrefused");
    });
    const lost = page.getByRole("alert").getByText("The server does not answer.");
    const first = "run `echo one` without asking";
    const promptFails = () =>
      page.waitForEvent("requestfailed", (request) => request.url().endsWith("/prompt"));
    const firstFailure = promptFails();
    await prompt(page, first);
    await firstFailure;
    await lost.waitFor();
    const secondFailure = promptFails();
    await page.keyboard.press("Enter");
    await secondFailure;
    await page.getByRole("button", { name: "Send" }).and(page.locator(":enabled")).waitFor();
    await prompt(page, "run `echo two` without asking");
    const transcript = page.getByRole("log", { name: "Transcript" });
    await transcript.getByText("run `echo two` without asking", { exact: true }).waitFor();
    assert.deepEqual(texts.slice(0, 2), [first, first]);
    assert.equal(await transcript.getByText(first, { exact: true }).count(), 1);
    assertNoTrouble(page);
  });

  test("a permission is answered from the list of all, and what became of each is shown", async (t) => {
    const page = await inspector.open(t);
    await openSession(page);
    await prompt(page, 'write "from the list" to LIST.md');
    await page.getByTestId("pending-count").waitFor();
    await page.getByRole("link", { name: /^Permissions/ }).click();
    const card = page.getByRole("article").first();
    await card.getByText("Pending", { exact: true }).waitFor();
    await assertAccessible(page, "the permissions");
    await card.getByRole("button", { name: "Reject" }).click();
    await card.getByText("by a client").waitFor();
    await page.getByLabel("State").selectOption("pending");
    await page.getByText("No permission requests yet.").waitFor();
    assert.equal(existsSync(join(inspector.work, "LIST.md")), false);

    // A cancelled turn takes its question along.
    await page.goBack();
    await prompt(page, 'write "never" to LIST.md');
    await page.getByTestId("pending-count").waitFor();
    await page.getByRole("button", { name: "Cancel turn" }).click();
    await page.getByTestId("pending-count").waitFor({ state: "detached" });
    await page.getByRole("tab", { name: /^Permissions/ }).click();
    await page.getByText("Cancelled", { exact: true }).first().waitFor();
    assertNoTrouble(page);
  });

  test("of very many sessions the newest are drawn, and the rest when it is asked for", async (t) => {
    const dataDirectory = join(inspector.directory, "many");
    const options = {
      ...{
        listen: { host: "127.0.0.1", port: 0 },
        cwd: inspector.work,
        home: join(inspector.directory, "home"),
      },
      ...{ dataDirectory, token: "many" },
    };
    const first = await createSandboxServer(options);
    const made = await fetch(`${first.url}/v1/sessions`, {
      method: "POST",
      headers: { authorization: "Bearer many", "content-type": "application/json" },
      body: JSON.stringify({ agent: "demo", title: "Many" }),
    });
    assert.equal(made.status, 201);
    await first.close();
    const database = new DatabaseSync(join(dataDirectory, "sessions.db"));
    database.exec(`WITH RECURSIVE copy (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < 301)
      INSERT INTO sessions (id, created_at, version, data)
      SELECT 'copy-' || n, created_at + n, version, json_set(data, '$.id', 'copy-' || n) FROM sessions, copy`);
    database.close();
    const many = await createSandboxServer(options);
    t.after(() => many.close());
    const page = await openPage(inspector.browser, t, { width: 1280 });
    await page.goto(buildInspectorUrl({ baseUrl: many.url ?? "", token: "many" }));
    const rows = page.getByTestId("sessions").locator("li");
    await rows.first().waitFor();
    assert.equal(await rows.count(), 300);
    await page.getByRole("button", { name: "Show 2 more of 302" }).click();
    await rows.nth(301).waitFor();
    assertNoTrouble(page);
  });

  test("a session by keyboard alone, on a narrow page", async (t) => {
    const page = await inspector.open(t, "", { width: 400 });
    await page.getByRole("button", { name: "Open session" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("textbox", { name: "Prompt" }).focus();
    await page.keyboard.type("without asking");
    await page.keyboard.press("Enter");
    await page.getByRole("log", { name: "Transcript" }).getByText("Done.").waitFor();
    await page.getByRole("tab", { name: "Conversation" }).focus();
    await page.keyboard.press("End");
    await page.getByText("agentSessionId").waitFor();
    // With another key the arrows are the browser's.
    await page.keyboard.press("Control+ArrowLeft");
    assert.equal(await page.getByRole("tab", { name: "Details" }).getAttribute("aria-selected"), "true");
    await page.keyboard.press("ArrowLeft");
    await page.getByText("No permission requests yet.").waitFor();
    await assertAccessible(page, "a narrow page");
    assertNoTrouble(page);
  });

  test("a session is archived, found with the filter, and put back by any client", async (t) => {
    const page = await inspector.open(t);
    await openSession(page);
    const id = page.url().split("/").at(-1);
    const row = page.getByTestId("sessions").locator(`a[href$="${id}"]`);
    await row.waitFor();
    await page.getByRole("button", { name: "Archive", exact: true }).focus();
    await page.keyboard.press("Enter");
    await row.waitFor({ state: "detached" });
    await page.getByRole("status").getByText("The session is archived.").waitFor({ state: "attached" });
    const filter = page.getByLabel("Show");
    await filter.focus();
    await page.keyboard.press("ArrowDown");
    await row.waitFor();
    await page.getByRole("main").getByText("archived", { exact: true }).waitFor();
    await assertAccessibleInThemes(page, "an archived session");
    const headers = { "content-type": "application/json" };
    const body = JSON.stringify({ archived: false });
    await inspector.call(`/v1/sessions/${id}`, { method: "PATCH", headers, body });
    await page.getByText("No archived sessions.").waitFor();
    await page.getByRole("button", { name: "Archive", exact: true }).waitFor();
    await filter.selectOption("active");
    await row.waitFor();
    assertNoTrouble(page);
  });

  test("the page's own requests: listed without the token, filtered, copied as a command, cleared", async (t) => {
    const page = await inspector.open(t, "sessions/missing", { loads: true });
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.getByText("sandbox.session_not_found").waitFor();
    await openSession(page);
    await page.getByRole("link", { name: "Requests" }).click();
    const rows = page.getByTestId("requests").locator("tbody tr");
    await rows.filter({ hasText: "/v1/health" }).getByText("200").waitFor();
    await page.getByLabel("Show").selectOption("failed");
    const requests = await rows.locator("code").allTextContents();
    assert.deepEqual([...new Set(requests)], ["GET /v1/sessions/missing"]);
    await page.getByLabel("Show").selectOption("changes");
    await page.getByLabel("Search").fill("POST /v1/sessions 201");
    await rows.first().waitFor();
    assert.equal(await rows.count(), 1);
    await page.getByRole("button", { name: "Copy POST /v1/sessions as a curl command" }).click();
    await page.getByRole("status").getByText("Copied.").waitFor({ state: "attached" });
    const { url = "", token = "" } = inspector.server;
    assert.equal(
      await page.evaluate("navigator.clipboard.readText()"),
      [
        `curl -X POST '${url}/v1/sessions'`,
        '-H "authorization: Bearer $HOLDFAST_SANDBOX_TOKEN"',
        "-H 'content-type: application/json'",
        `--data-raw '{"agent":"demo"}'`,
      ].join(" \\\n  "),
    );
    assert.ok(!(await page.content()).includes(token), "the token is in the page");

    await page.getByLabel("Show").selectOption("all");
    await page.getByLabel("Search").fill("");
    // The newest are first, until the list is paused.
    const polled = () => page.waitForResponse((response) => response.url().endsWith("/v1/permissions"));
    await polled();
    await rows.first().getByText("/v1/permissions").waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    const paused = await rows.count();
    await polled();
    assert.equal(await rows.count(), paused);
    await assertAccessibleInThemes(page, "the requests of the page");
    await page.setViewportSize({ width: 320, height: 640 });
    assert.ok(await page.evaluate<boolean>("document.documentElement.scrollWidth <= 320"), "it is too wide");
    await page.getByRole("button", { name: "Clear" }).click();
    await rows.filter({ hasText: "/v1/health" }).waitFor({ state: "detached" });
    assertNoTrouble(page);
  });
});
