import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { launchChromium } from "@holdfast/testing/chromium";
import type { Browser, Page } from "playwright-core";
import { cpuProfile } from "../../packages/server/src/gateway/process/profiles.ts";
import { assertAccessible, assertReadable } from "./support/axe.ts";
import { missing } from "./support/browser.ts";
import { assertDocumented } from "./support/documented.ts";
import { type InspectorServer, startInspectorServer } from "./support/inspector-server.ts";
import { assertFits, keepScreenshot } from "./support/pages.ts";
import { assertNoTrouble, RunningApp, show } from "./support/running-app.ts";

const absent = missing();

/** What each tab has to show before it is looked at. */
const tabs = [
  { actor: "counter", tab: "State", ready: "owner" },
  { actor: "counter", tab: "Actions", ready: "No calls yet" },
  { actor: "counter", tab: "Connections", ready: "No connections" },
  { actor: "counter", tab: "Events", ready: "No events yet" },
  { actor: "counter", tab: "Schedules", ready: "calls increment" },
  { actor: "counter", tab: "KV", ready: "greeting" },
  { actor: "counter", tab: "Logs", ready: "counted" },
  { actor: "counter", tab: "Traces", ready: "increment" },
  { actor: "counter", tab: "History", ready: "Show the state" },
  { actor: "mailer", tab: "Queues", ready: "mailbox full" },
  { actor: "order", tab: "Workflow", ready: "reserve" },
  { actor: "notes", tab: "SQLite", ready: "Note 1" },
] as const;

describe("the inspector", { skip: absent ?? false }, () => {
  let directory: string;
  let server: InspectorServer;
  let browser: Browser;
  let app: RunningApp;
  const counter = (...key: readonly string[]) => server.client.counter.getOrCreate(key);

  before(async () => {
    browser = await launchChromium();
    app = new RunningApp(browser);
    directory = await mkdtemp(join(tmpdir(), "holdfast-inspector-"));
    server = await startInspectorServer(directory);
    await counter("shown", "one").increment(3);
    await counter("shown", "one").remember("greeting", "hello");
    const mailer = server.client.mailer.getOrCreate(["shown"]);
    await mailer.send("mail", { to: "ada@example.org" });
    await mailer.bounce();
    await server.client.order.getOrCreate(["shown"]).status();
    await server.client.notes.getOrCreate(["shown"]).fill(120);
  });
  after(async () => {
    await browser?.close();
    await server?.close();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  async function openActor(page: Page, name: string, key: string, tab?: string): Promise<void> {
    const query = new URLSearchParams({ name, prefix: key });
    const response = await fetch(`${server.url}/actors?${query}`);
    const { actors } = (await response.json()) as { actors: readonly { readonly id: string }[] };
    await show(page, `${server.url}/inspector/${name}/${actors[0]?.id}`);
    await page.locator('[data-live="running"]').waitFor();
    if (tab !== undefined) await openTab(page, tab);
  }

  async function openTab(page: Page, name: string): Promise<void> {
    await page.getByRole("tab", { name }).click();
    await page.getByRole("tabpanel", { name }).waitFor();
  }

  /** A line of the state's tree. */
  const line = (page: Page, text: string) => page.getByTestId("state").getByText(text, { exact: true });

  async function call(page: Page, action: string, args: string): Promise<void> {
    await page.getByLabel("Action", { exact: true }).selectOption(action);
    await page.getByLabel("Arguments").fill(args);
    await page.getByRole("button", { name: "Call", exact: true }).click();
  }

  test("lists actors, and finds them by name, key and status", async (t) => {
    for (let at = 0; at < 60; at++) await counter(`many-${at}`).increment();
    const page = await app.open(t);
    await show(page, `${server.url}/inspector`);
    await page.getByText(/^\d+ actors, \d+ awake$/).waitFor();
    await page.getByRole("button", { name: "Show more actors" }).click();
    await page.locator(".actor-row").nth(60).waitFor();
    await page.getByLabel("Name").selectOption("notes");
    await page.getByText("1 actor,").waitFor();
    await page.getByLabel("Name").selectOption("");
    await page.getByLabel("Key begins with").fill("many-5");
    await page.getByText("11 actors,").waitFor();
    assert.match(page.url(), /prefix=many-5/);
    await page.reload();
    await page.getByText("11 actors,").waitFor();
    await page.getByLabel("Key begins with").fill("nobody");
    await page.getByText("No actors match").waitFor();
    await page.getByRole("button", { name: "Show all actors" }).click();
    await page.getByLabel("Status").selectOption("sleeping");
    await page.getByText(/^\d+ asleep$/).waitFor();
    assertNoTrouble(page);
  });

  test("downloads a profile of the server and its heap, and says why it cannot", async (t) => {
    const page = await app.open(t);
    // A second instead of ten.
    await page.route(/\/profile\/cpu\?seconds=10$/, (route) =>
      route.continue({ url: `${server.url}/profile/cpu?seconds=1` }),
    );
    await show(page, `${server.url}/inspector`);
    const profiled = page.waitForEvent("download");
    await page.getByRole("button", { name: "Profile 10 s" }).click();
    await page.getByRole("button", { name: "Profiling for 10 s…" }).waitFor();
    const cpu = await profiled;
    assert.match(cpu.suggestedFilename(), /^holdfast-[\dTZ-]+\.cpuprofile$/);
    const profile = JSON.parse(await readFile(await cpu.path(), "utf8")) as { readonly nodes: unknown[] };
    assert.ok(profile.nodes.length > 1);
    await page.getByRole("button", { name: "Profile 10 s" }).waitFor();
    // One at a time: another profile of this process, in which the server runs.
    const other = new AbortController();
    const busy = cpuProfile(60, other.signal);
    await page.getByRole("button", { name: "Heap snapshot" }).click();
    await page.getByText("secrets too").waitFor();
    const confirm = page.getByRole("button", { name: "Download", exact: true });
    await confirm.click();
    await page.getByText("Another profile of this process is being made").waitFor();
    other.abort();
    await busy;
    // A snapshot of this process takes seconds: its route is tested with the server.
    await page.route("**/profile/heap", (route) => route.fulfill({ json: { snapshot: {} } }));
    const snapshot = page.waitForEvent("download");
    await confirm.click();
    const heap = await snapshot;
    assert.match(heap.suggestedFilename(), /\.heapsnapshot$/);
    assert.equal(await readFile(await heap.path(), "utf8"), '{"snapshot":{}}');
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assertNoTrouble(page, /status of 409/);
  });

  test("an edited state is seen at once in another page, types and all", async (t) => {
    await counter("edited").increment(5);
    const page = await app.open(t);
    await openActor(page, "counter", "edited");
    const other = await page.context().newPage();
    await openActor(other, "counter", "edited");
    await line(other, "5").waitFor();
    await page.getByRole("button", { name: "Edit" }).click();
    const field = page.getByLabel("State as JSON");
    const text = await field.inputValue();
    await field.fill("{");
    await page.getByText("This is not JSON").waitFor();
    assert.ok(await page.getByRole("button", { name: "Save" }).isDisabled());
    await counter("edited").increment(1);
    await page.getByText("The state has changed since you started editing").waitFor();
    await field.fill(text.replace('"count": 5', '"count": 41'));
    await page.getByRole("button", { name: "Save" }).click();
    await line(other, "41").waitFor();
    await line(other, "12n").waitFor();
    assert.equal(await counter("edited").increment(1), 42);
    await line(page, "42").waitFor();
    // Text typed while the state is saved is not lost with the form.
    const held = Promise.withResolvers<void>();
    await page.route("**/inspector/state", async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.getByRole("button", { name: "Edit" }).click();
    await field.fill(text.replace('"count": 5', '"count": 51'));
    await page.getByRole("button", { name: "Save" }).click();
    await field.fill(text.replace('"count": 5', '"count": 52'));
    held.resolve();
    await line(other, "51").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await line(other, "52").waitFor();
    await line(page, "52").waitFor();
    assertNoTrouble(page);
  });

  test("calls an action and keeps results and errors", async (t) => {
    await counter("called").increment(1);
    const page = await app.open(t);
    await openActor(page, "counter", "called", "Actions");
    await call(page, "increment", "[9]");
    await page
      .locator('[data-call="increment"][data-result="ok"]')
      .getByText("10", { exact: true })
      .waitFor();
    await call(page, "refuse", "");
    await page.locator('[data-call="refuse"]').getByText("The counter does not do this").waitFor();
    await page.locator('[data-call="refuse"]').getByText("user.refused").waitFor();
    await page.getByLabel("Arguments").fill("1");
    await page.getByText("Arguments are a list").waitFor();
    await openTab(page, "State");
    await line(page, "10").waitFor();
    await openTab(page, "Actions");
    await page.getByRole("button", { name: "Fill in increment again" }).click();
    assert.equal(await page.getByLabel("Arguments").inputValue(), "[9]");
    // A call that ends after a look at another tab is shown where the person is by then.
    const held = Promise.withResolvers<void>();
    await page.route("**/inspector/action/*", async (route) => {
      await held.promise;
      await route.continue();
    });
    await call(page, "increment", "[31]");
    await openTab(page, "State");
    await openTab(page, "Actions");
    held.resolve();
    await page.locator('[data-call="increment"]').getByText("41", { exact: true }).waitFor();
  });

  test("watches events, all of them or those of one name", async (t) => {
    await counter("watched").increment(1);
    const page = await app.open(t);
    await openActor(page, "counter", "watched", "Events");
    await page.getByText("No events yet").waitFor();
    await counter("watched").increment(6);
    await page.locator('[data-event="changed"]').getByText('{"count":7}').waitFor();
    await page.getByLabel("Event", { exact: true }).selectOption("reset");
    await page.getByText("No reset yet").waitFor();
    await counter("watched").increment(1);
    await counter("watched").reset("Ada");
    await page.locator('[data-event="reset"]').getByText('{"by":"Ada"}').waitFor();
    assert.equal(await page.locator('[data-event="changed"]').count(), 0);
    await page.getByRole("button", { name: "Pause" }).click();
    await counter("watched").reset("Eve");
    await page.getByRole("button", { name: "Resume (1 new)" }).click();
    await page.locator('[data-event="reset"]').nth(1).waitFor();
    assertNoTrouble(page);
  });

  test("shows who is connected, and disconnects them", async (t) => {
    const connection = counter("connected").connect({ who: "Ada" });
    t.after(() => connection.dispose());
    await connection.ready;
    const page = await app.open(t);
    await openActor(page, "counter", "connected", "Connections");
    await page.locator("[data-connection]").getByText('{"who":"Ada"}').waitFor();
    await page.getByRole("button", { name: /^Disconnect / }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disconnect" }).click();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assertNoTrouble(page);
  });

  test("sends messages, deletes them, and gives dead letters another chance", async (t) => {
    const mailer = server.client.mailer.getOrCreate(["sent"]);
    await mailer.send("mail", { to: "first@example.org" });
    const page = await app.open(t);
    await openActor(page, "mailer", "sent", "Queues");
    await page.getByLabel("Body").fill('{"to": "second@example.org"}');
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator('[data-message="2"]').getByText("second@example.org").waitFor();
    await page.getByRole("tab", { name: "Queues" }).getByText("2").waitFor();
    assert.equal(await mailer.bounce(), 1);
    await page.locator('[data-dead-letter="1"]').getByText("mailbox full").waitFor();
    await page.getByRole("button", { name: "Retry message 1" }).click();
    await page.locator('[data-message="1"]').waitFor();
    await page.getByText("No dead letters.").waitFor();
    await page.getByRole("button", { name: "Delete message 1" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.locator('[data-message="1"]').waitFor({ state: "detached" });
    await page.waitForFunction("document.activeElement.id === 'panel-queue'");
    // The message goes while somebody is asked about it.
    await page.getByRole("button", { name: "Delete message 2" }).click();
    await page.getByRole("dialog").waitFor();
    assert.equal(await mailer.bounce(), 2);
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.waitForFunction("document.activeElement.id === 'panel-queue'");
    await page.getByLabel("Delay in milliseconds").fill("9000000000000000");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("from invalid date").waitFor();
    await page.getByRole("button", { name: "Clear the queues" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete all" }).click();
    await page.getByText("No messages").waitFor();
    assertNoTrouble(page);
  });

  test("runs a schedule now, pauses it, and shows its history", async (t) => {
    await counter("scheduled").increment(1);
    const page = await app.open(t);
    await openActor(page, "counter", "scheduled", "Schedules");
    await page.getByRole("button", { name: "Run now: tick" }).click();
    await page.getByRole("button", { name: "History of tick" }).click();
    await page.locator('.fires [data-result="ok"]').waitFor();
    await page.getByRole("button", { name: "Run now: report" }).click();
    await page.getByRole("button", { name: "History of report" }).click();
    await page.locator('.fires [data-result="error"]').getByText("out of paper").waitFor();
    await page.getByRole("button", { name: "Pause tick" }).click();
    await page.locator('[data-schedule="tick"]').getByText("paused").waitFor();
    await page.getByRole("button", { name: "Delete report" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.locator('[data-schedule="report"]').waitFor({ state: "detached" });
    await openTab(page, "State");
    await line(page, "101").waitFor();
    assertNoTrouble(page);
  });

  test("follows a workflow step by step, and replays it", async (t) => {
    const order = server.client.order.getOrCreate(["followed"]);
    await order.status();
    const page = await app.open(t);
    await openActor(page, "order", "followed", "Workflow");
    await page.locator('[data-entry="reserve"][data-status="completed"]').waitFor();
    await order.send("payments", { amount: 60 });
    await page.locator('[data-entry="payments / 0 / payment"][data-status="completed"]').waitFor();
    await order.send("payments", { amount: 60 });
    await page.locator('[data-workflow="completed"]').waitFor();
    await page.locator('[data-entry="notify"]').getByText("no mail server").waitFor();
    await page.locator('[data-entry="ship"]').getByText("1 attempt").waitFor();
    await page.getByRole("button", { name: "Replay from the beginning" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Replay" }).click();
    await page.locator('[data-entry="ship"]').waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Cancel the workflow" }).click();
    await page.getByLabel("Reason").fill("no longer wanted");
    await page.getByRole("dialog").getByRole("button", { name: "Cancel workflow" }).click();
    await page.locator('[data-workflow="cancelled"]').waitFor();
    assertNoTrouble(page);
  });

  test("puts, edits and deletes entries", async (t) => {
    await counter("kept").remember("a/1", "one");
    await counter("kept").remember("b/1", "two");
    const page = await app.open(t);
    await openActor(page, "counter", "kept", "KV");
    await page.locator('[data-kv="b/1"]').waitFor();
    await page.getByLabel("Key begins with").fill("a/");
    await page.locator('[data-kv="b/1"]').waitFor({ state: "detached" });
    await page.getByLabel("Key", { exact: true }).fill("a/ü");
    await page.getByLabel("Value").fill("three");
    await page.getByRole("button", { name: "Put" }).click();
    await page.locator('[data-kv="a/ü"]').getByText("three").waitFor();
    await page.getByRole("button", { name: "Edit a/1" }).click();
    await page.getByLabel("Value").fill("changed");
    await page.getByRole("button", { name: "Put" }).click();
    await page.locator('[data-kv="a/1"]').getByText("changed").waitFor();
    // Text typed while an entry is saved is another value of it, or another entry.
    const held = Promise.withResolvers<void>();
    await page.route("**/inspector/kv/*", async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.getByLabel("Key", { exact: true }).fill("a/3");
    await page.getByLabel("Value").fill("four");
    await page.getByRole("button", { name: "Put" }).click();
    await page.getByLabel("Value").fill("five");
    held.resolve();
    await page.locator('[data-kv="a/3"]').getByText("four").waitFor();
    await page.getByRole("button", { name: "Put" }).click();
    await page.locator('[data-kv="a/3"]').getByText("five").waitFor();
    await counter("kept").remember("a/2", "from elsewhere");
    await page.locator('[data-kv="a/2"]').waitFor();
    await page.getByRole("button", { name: "Delete a/1" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
    await page.locator('[data-kv="a/1"]').waitFor({ state: "detached" });
    assertNoTrouble(page);
  });

  test("pages through a table and runs SQL, which changes data only when that is allowed", async (t) => {
    await server.client.notes.getOrCreate(["queried"]).fill(120);
    const page = await app.open(t);
    await openActor(page, "notes", "queried", "SQLite");
    await page.getByText("Page 1 of 3").waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("cell", { name: "Note 51", exact: true }).waitFor();
    await page.getByRole("button", { name: "Next" }).click();
    await page.getByRole("cell", { name: "Note 101", exact: true }).waitFor();
    const sql = page.getByLabel("SQL", { exact: true });
    await sql.fill("SELECT count(*) AS notes FROM note");
    await sql.press("Control+Enter");
    await page.getByTestId("query-result").getByRole("cell", { name: "120" }).waitFor();
    await sql.fill("DELETE FROM note WHERE id > 100");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByText("SQLite reported an error.").waitFor();
    await page.getByLabel("May change data").check();
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByText("Done. No rows returned.").waitFor();
    await page.getByText("Page 2 of 2").waitFor();
    await page.getByRole("cell", { name: "Note 51", exact: true }).waitFor();
    await sql.fill("SELECT missing");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByText("no such column").waitFor();
    const numbers = "n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 501)";
    await sql.fill(`WITH RECURSIVE ${numbers} SELECT i FROM n`);
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByText("501 rows. The first 500 are shown.").waitFor();
    // Until the rows of another table are there, those of the last one do not stand for them.
    const held = Promise.withResolvers<void>();
    await page.route("**/database/rows?table=tag*", async (route) => {
      await held.promise;
      await route.continue();
    });
    await page.getByLabel("Table", { exact: true }).selectOption("tag");
    await page.locator(".table-columns").getByText("name", { exact: true }).waitFor();
    const rows = page.getByRole("region", { name: "Rows of tag" });
    assert.equal(await rows.count(), 0);
    held.resolve();
    await rows.waitFor();
  });

  test("tails the log", async (t) => {
    await counter("logged").increment(1);
    const page = await app.open(t);
    await openActor(page, "counter", "logged", "Logs");
    await page.getByLabel("Log", { exact: true }).getByText('{"by":1,"count":1}').waitFor();
    await counter("logged").reset("Ada");
    await page.locator(".log-warn").getByText('{"by":"Ada"}').waitFor();
    await page.getByLabel("At least").selectOption("warn");
    await page.locator(".log-info").first().waitFor({ state: "detached" });
    assertNoTrouble(page);
  });

  test("looks back in time and forks", async (t) => {
    await counter("past").increment(4);
    const page = await app.open(t);
    await openActor(page, "counter", "past", "History");
    await page.getByRole("button", { name: "Show the state" }).click();
    await page.getByTestId("state-at").getByText("count").waitFor();
    await page.getByTestId("state-at").getByText("4", { exact: true }).waitFor();
    await page.getByLabel("Key of the new actor").fill('["fork", "of past"]');
    await page.getByRole("button", { name: "Fork" }).click();
    await page.getByRole("link", { name: "open the new actor" }).click();
    await page.getByRole("heading", { name: "counter fork / of past" }).waitFor();
    await line(page, "4").waitFor();
    assertNoTrouble(page);
  });

  test("a sleeping actor is shown as such and can be woken; destroying it leads back to the list", async (t) => {
    await counter("short-lived").increment(2);
    const page = await app.open(t);
    await openActor(page, "counter", "short-lived");
    const other = await page.context().newPage();
    await openActor(other, "counter", "short-lived");
    await page.getByRole("button", { name: "Sleep" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Keep" }).click();
    await page.getByRole("button", { name: "Sleep" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Put to sleep" }).click();
    await page.locator('[data-live="sleeping"]').waitFor();
    await other.locator('[data-live="sleeping"]').waitFor();
    const refusal = { group: "actor", code: "start_failed", message: "Its disk is full" };
    const answer = { status: 500, contentType: "application/json", body: JSON.stringify(refusal) };
    await page.route("**/inspector/summary", (route) => route.fulfill(answer), { times: 1 });
    await page.getByRole("button", { name: "Wake" }).click();
    await page.getByText("The actor was not woken. Its disk is full").waitFor();
    await page.getByRole("button", { name: "Wake" }).click();
    await other.locator('[data-live="running"]').waitFor();
    await page.getByRole("button", { name: "Destroy" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Destroy actor" }).click();
    await page.getByRole("heading", { name: "Actors", exact: true }).waitFor();
    await other.getByText("This actor was destroyed").waitFor();
    await other.reload();
    await other.getByText("Actor not found").waitFor();
  });

  test("continues automatically after the server was down", async (t) => {
    const own = await mkdtemp(join(tmpdir(), "holdfast-inspector-"));
    let mortal = await startInspectorServer(own);
    t.after(async () => {
      await mortal.close();
      await rm(own, { recursive: true, force: true, maxRetries: 5 });
    });
    await mortal.client.counter.getOrCreate(["surviving"]).increment(1);
    const page = await app.open(t);
    await page.goto(`${mortal.url}/inspector`);
    await page.getByRole("link", { name: "counter surviving" }).click();
    await page.locator('[data-live="running"]').waitFor();
    await openTab(page, "Logs");
    const last = page.getByLabel("Log", { exact: true }).getByRole("listitem").last();
    await mortal.client.counter.getOrCreate(["surviving"]).increment(2);
    await last.getByText('{"by":2,"count":3}').waitFor();
    await mortal.close();
    await page.locator('[data-live="offline"]').waitFor();
    mortal = await startInspectorServer(own, mortal.port);
    await page.locator('[data-live="running"]').waitFor();
    await mortal.client.counter.getOrCreate(["surviving"]).increment(70);
    // The server restarts its record numbers; the newest is still the last.
    await last.getByText('{"by":70,"count":73}').waitFor();
    await openTab(page, "State");
    await line(page, "73").waitFor();
  });

  test("the keyboard alone finds an actor and calls an action", async (t) => {
    await counter("typed").increment(1);
    const page = await app.open(t);
    // From the beginning of the page, where a load leaves the focus.
    await page.goto(`${server.url}/inspector`);
    const prefix = page.getByLabel("Key begins with");
    await prefix.waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await tabTo(page, /Key begins with/);
    await page.keyboard.type("typed");
    await page.getByText("1 actor,").waitFor();
    await tabTo(page, /counter typed/);
    await page.keyboard.press("Enter");
    await page.getByRole("tab", { name: "State" }).waitFor();
    await tabTo(page, /^State$/);
    await page.keyboard.press("ArrowRight");
    await page.getByRole("tabpanel", { name: "Actions" }).waitFor();
    await tabTo(page, /^Arguments/);
    await page.keyboard.press("Control+a");
    await page.keyboard.type("[8]");
    await page.keyboard.press("Control+Enter");
    await page.locator('[data-call="increment"]').getByText("9", { exact: true }).waitFor();
    await page.keyboard.press("Shift+Tab");
    await tabTo(page, /^Destroy$/, true);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await focused(page), "Destroy");
    assertNoTrouble(page);
  });

  test("every tab is accessible and fits, on a phone and on a desktop", async (t) => {
    const page = await app.open(t);
    const check = async (screen: string) => {
      // The elements are the same in both: what is close together is on the phone.
      for (const { name, width, colorScheme, assertRules } of [
        { name: "phone-light", width: 400, colorScheme: "light", assertRules: assertAccessible },
        { name: "desktop-dark", width: 1600, colorScheme: "dark", assertRules: assertReadable },
      ] as const) {
        await page.setViewportSize({ width, height: 1000 });
        await page.emulateMedia({ colorScheme });
        await assertFits(page, `${screen}-${name}`);
        await assertRules(page, `${screen}-${name}`);
        await keepScreenshot(page, `${screen}-${name}`);
      }
    };
    await show(page, `${server.url}/inspector`);
    await page.locator(".actor-row").first().waitFor();
    await check("actors");
    let shown: string | undefined;
    for (const { actor, tab, ready } of tabs) {
      if (actor === shown) await openTab(page, tab);
      else await openActor(page, actor, "shown", tab);
      shown = actor;
      await page.getByRole("tabpanel").getByText(ready).first().waitFor();
      if (tab === "State") await assertDocumented(page, "inspector");
      await check(`actor-${tab.toLowerCase()}`);
    }
    await page.getByRole("button", { name: "Destroy" }).click();
    await page.getByRole("dialog").waitFor();
    await check("actor-destroy");
    assertNoTrouble(page);
  });

  test("tabs that an actor has no part for are not there", async (t) => {
    const page = await app.open(t);
    await openActor(page, "counter", "shown");
    assert.deepEqual(await page.getByRole("tab").allInnerTexts(), [
      "State",
      "Actions",
      "Connections",
      "Events",
      "Schedules",
      "KV",
      "Logs",
      "Traces",
      "History",
    ]);
    await show(page, `${server.url}/actors`);
    await page.getByRole("heading", { name: "Actors", exact: true }).waitFor();
  });
});

/** What has the focus, as a person would name it. */
function focused(page: Page): Promise<string> {
  return page.evaluate<string>(`(() => {
    const element = document.activeElement;
    if (element === null || element === document.body) return "";
    const label = element.labels?.[0]?.textContent ?? "";
    return (element.getAttribute("aria-label") ?? (label || element.textContent) ?? "").trim();
  })()`);
}

/** Presses Tab, or Shift and Tab, until the focus is on something with this name. */
async function tabTo(page: Page, name: RegExp, back = false): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < 40; presses += 1) {
    await page.keyboard.press(back ? "Shift+Tab" : "Tab");
    const label = await focused(page);
    if (name.test(label)) return;
    passed.push(label.slice(0, 40));
  }
  assert.fail(`Tab does not reach ${name}; it passed: ${passed.join(" | ")}`);
}
