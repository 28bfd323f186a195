import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { actor } from "@holdfast/actors";
import { decode, encode } from "@holdfast/client";
import { actorsOf } from "@holdfast/testing/backends";
import { inspected } from "./inspector-actors.ts";
import { serve, temporaryDirectory } from "./support.ts";

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: what a test reads of an answer it asserts.
  readonly body: any;
}

/** Asks the inspector of one actor, in JSON with tags. */
function inspectorOf(url: string, actor: string) {
  return async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const response = await fetch(`${url}/actors/${actor}/inspector${path}`, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: encode("json", body) as string }),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : decode("json", text) };
  };
}

async function start(t: Parameters<typeof serve>[0]) {
  const running = await serve(t, inspected);
  const client = running.client();
  const handle = client.shop.getOrCreate(["a,b", "c"]);
  await handle.add(1);
  return { ...running, client, handle, ask: inspectorOf(running.url, "shop/@a%2Cb,c,") };
}

test("state is read and replaced in a turn of the actor, checked, told to nobody twice", async (t) => {
  const { ask, handle, registry } = await start(t);
  assert.deepEqual((await ask("GET", "/state")).body, {
    state: { count: 1, big: 2n ** 70n },
    isStateEnabled: true,
  });
  assert.deepEqual(await ask("PATCH", "/state", { state: { count: 41, big: 1n } }), {
    status: 200,
    body: { ok: true },
  });
  assert.equal(await handle.add(1), 42);
  const invalid = await ask("PATCH", "/state", { state: { count: "many", big: 1n } });
  assert.equal(invalid.status, 400);
  assert.equal(invalid.body.code, "invalid_state");
  assert.equal((await ask("PATCH", "/state", {})).status, 400);
  assert.equal((await ask("PATCH", "/state", [1])).status, 400);
  const malformed = await ask("PATCH", "/state", undefined, { "content-type": "application/json" });
  assert.equal(malformed.status, 400);
  // It is durable: the next instance has it.
  await (await actorsOf(registry)).sleep(await handle.resolve());
  assert.deepEqual((await ask("GET", "/state")).body.state, { count: 42, big: 1n });
});

test("actions are called like any other call", async (t) => {
  const { ask } = await start(t);
  assert.deepEqual((await ask("GET", "/rpcs")).body.rpcs, [
    "add",
    "rename",
    "refuse",
    "remember",
    "plan",
    "poisoned",
  ]);
  assert.deepEqual((await ask("POST", "/action/add", { args: [2] })).body, { output: 3 });
  assert.deepEqual((await ask("POST", "/action/rename", { properties: { name: "x" } })).body, {
    output: { ok: true },
  });
  const both = await ask("POST", "/action/add", { args: [], properties: {} });
  assert.deepEqual([both.status, both.body.code], [400, "invalid_request"]);
  const refused = await ask("POST", "/action/refuse", {});
  assert.deepEqual([refused.status, refused.body.group, refused.body.code], [400, "user", "refused"]);
  const invalid = await ask("POST", "/action/add", { args: ["x"] });
  assert.equal(invalid.body.code, "validation_error");
  assert.equal((await ask("POST", "/action/none", {})).body.code, "action_not_found");
});

test("connections are shown with what they listen to, and ended", async (t) => {
  const { ask, handle } = await start(t);
  const conn = handle.connect();
  t.after(() => conn.dispose());
  conn.on("changed", () => undefined);
  await conn.ready;
  await conn.add(0);
  const { connections } = (await ask("GET", "/connections")).body;
  assert.equal(connections.length, 1);
  assert.equal(connections[0].id, conn.connId);
  assert.deepEqual(connections[0].details.events, ["changed"]);
  assert.equal(connections[0].details.subscriptions, 1);
  assert.deepEqual((await ask("DELETE", `/connections/${conn.connId}`)).body, { ok: true });
  assert.deepEqual((await ask("DELETE", "/connections/none")).body, { ok: false });
  assert.deepEqual((await ask("GET", "/connections")).body.connections, []);
});

test("messages are sent, listed, deleted; dead letters go back", async (t) => {
  const { ask, handle } = await start(t);
  const sent = await ask("POST", "/queue", { name: "orders", body: { item: "tea" } });
  assert.equal(sent.status, 200);
  assert.equal(sent.body.name, "orders");
  const { body } = await ask("GET", "/queue");
  assert.deepEqual([body.size, body.maxSize, body.truncated], [1, 1_000, false]);
  assert.deepEqual(body.messages[0].body, { item: "tea" });
  assert.equal(body.messages[0].createdAtMs, sent.body.createdAtMs);
  assert.equal((await ask("POST", "/queue", { name: "", body: 1 })).body.code, "invalid_request");
  assert.equal((await ask("POST", "/queue", { name: "none", body: 1 })).body.code, "not_defined");
  assert.equal((await ask("POST", "/queue", { name: "orders", body: 1 })).body.code, "invalid_payload");
  assert.equal((await ask("GET", "/queue?limit=0")).status, 400);
  assert.equal((await ask("GET", "/queue?limit=1001")).status, 400);
  assert.deepEqual((await ask("DELETE", `/queue/${sent.body.id}`)).body, { ok: true });
  assert.deepEqual((await ask("DELETE", `/queue/${sent.body.id}`)).body, { ok: false });
  await ask("POST", "/queue", { name: "poison", body: "bad" });
  assert.equal(await handle.poisoned(), "bad");
  const dead = (await ask("GET", "/queue/dead-letters")).body.messages;
  assert.equal(dead.length, 1);
  assert.deepEqual([dead[0].status, dead[0].body], ["dead", "bad"]);
  assert.deepEqual((await ask("POST", `/queue/dead-letters/${dead[0].id}/retry`)).body, { ok: true });
  assert.equal((await ask("POST", `/queue/dead-letters/${dead[0].id}/retry`)).status, 404);
  assert.equal((await ask("GET", "/queue")).body.size, 1);
  assert.deepEqual((await ask("DELETE", "/queue")).body, { cleared: 1 });
});

test("schedules are listed, run, paused and deleted", async (t) => {
  const { ask, handle } = await start(t);
  const id = await handle.plan();
  const { schedules } = (await ask("GET", "/schedules")).body;
  assert.deepEqual(
    schedules.map((each: { kind: string; name?: string }) => [each.kind, each.name]),
    [
      ["every", "tick"],
      ["at", undefined],
    ],
  );
  assert.deepEqual((await ask("POST", "/schedules/tick/run")).body, { ok: true });
  const ran = async (): Promise<boolean> => {
    const { history } = (await ask("GET", "/schedules/tick/history")).body;
    return history.length === 1 && history[0].result === "ok";
  };
  // The run is a call of its own: each look is a turn behind it.
  for (let looks = 0; !(await ran()); looks++) assert.ok(looks < 10_000, "it has not run");
  assert.equal((await ask("GET", "/state")).body.state.count, 2);
  assert.deepEqual((await ask("POST", "/schedules/tick/pause")).body, { ok: true });
  assert.deepEqual((await ask("POST", "/schedules/tick/resume")).body, { ok: true });
  assert.equal((await ask("POST", "/schedules/none/pause")).status, 404);
  assert.equal((await ask("POST", "/schedules/tick/explode")).status, 404);
  assert.deepEqual((await ask("DELETE", `/schedules/${id}`)).body, { ok: true });
  assert.deepEqual((await ask("DELETE", "/schedules/tick")).body, { ok: true });
  assert.equal((await ask("DELETE", "/schedules/tick")).status, 404);
  assert.deepEqual((await ask("GET", "/schedules")).body, { schedules: [], deadLetters: [] });
});

test("a workflow shows its history, and runs again from an entry", async (t) => {
  const { client, url, ask } = await start(t);
  await client.order.getOrCreate("1").steps();
  const order = inspectorOf(url, "order/@1,");
  const ended = async () => {
    // It has nothing to wait for but its commits.
    for (let looks = 0; looks < 10_000; looks++) {
      const { body } = await order("GET", "/workflow-history");
      if (body.workflowState === "completed") return body;
    }
    return assert.fail("it does not end");
  };
  const body = await ended();
  assert.equal(body.isWorkflowEnabled, true);
  assert.deepEqual(body.history.nameRegistry, ["first", "twice", "in"]);
  assert.equal(body.workflowState, "completed");
  assert.equal(body.output, "one");
  const again = await order("POST", "/workflow/replay", { entryId: body.history.entries[0].id });
  assert.equal(again.status, 200);
  await ended();
  assert.equal((await order("POST", "/workflow/replay", { entryId: "none" })).body.code, "entry_not_found");
  assert.equal((await order("POST", "/workflow/replay", { entryId: 1 })).status, 400);
  assert.deepEqual((await order("POST", "/workflow/cancel", {})).body, { ok: false });
  assert.deepEqual((await ask("GET", "/workflow-history")).body, {
    history: null,
    workflowState: null,
    isWorkflowEnabled: false,
  });
  assert.equal((await ask("POST", "/workflow/cancel")).body.code, "not_enabled");
});

test("SQLite is browsed, read and written", async (t) => {
  const { client, url, ask } = await start(t);
  const { tables } = (await ask("GET", "/database/schema")).body.schema;
  assert.deepEqual(
    tables.map((each: { table: unknown; records: number }) => [each.table, each.records]),
    [
      [{ schema: "main", name: "item", type: "table" }, 0],
      [{ schema: "main", name: "part", type: "table" }, 0],
    ],
  );
  assert.deepEqual(tables[0].columns[1], {
    cid: 1,
    name: "name",
    type: "TEXT",
    notNull: true,
    defaultValue: null,
    primaryKey: 0,
  });
  assert.deepEqual(tables[1].foreignKeys, [{ id: 0, table: "item", from: "item", to: "id" }]);
  const write = { sql: "INSERT INTO item (name) VALUES (?) RETURNING id", args: ["tea"] };
  assert.deepEqual((await ask("POST", "/database/execute", write)).body, { rows: [{ id: 1 }] });
  const named = { sql: "SELECT name FROM item WHERE id = $id", properties: { id: 1 }, readOnly: true };
  assert.deepEqual((await ask("POST", "/database/execute", named)).body, { rows: [{ name: "tea" }] });
  assert.deepEqual((await ask("GET", "/database/rows?table=item")).body.rows, [
    { id: 1, name: "tea", price: 1 },
  ]);
  assert.deepEqual((await ask("GET", "/database/rows?table=item&offset=1")).body.rows, []);
  assert.equal((await ask("GET", "/database/rows?table=none")).body.code, "table_not_found");
  assert.equal((await ask("GET", "/database/rows?table=item&limit=501")).status, 400);
  assert.equal((await ask("POST", "/database/execute", { ...write, readOnly: true })).status, 400);
  const wrong = await ask("POST", "/database/execute", { sql: "SELEKT 1" });
  assert.deepEqual([wrong.status, wrong.body.code], [400, "sql_error"]);
  assert.equal((await ask("POST", "/database/execute", { sql: "" })).status, 400);

  // A transaction that stays open would hold up everything that the actor does.
  const begun = await ask("POST", "/database/execute", {
    sql: "BEGIN; INSERT INTO item (name) VALUES ('x')",
  });
  assert.deepEqual([begun.status, begun.body.code], [400, "invalid_arguments"]);
  const count = { sql: "SELECT count(*) AS n FROM item" };
  assert.deepEqual((await ask("POST", "/database/execute", count)).body, { rows: [{ n: 1 }] });
  const ended = await ask("POST", "/database/execute", { sql: "BEGIN; DELETE FROM item WHERE 0; COMMIT" });
  assert.equal(ended.status, 200);
  const nothing = await ask("POST", "/database/execute", { sql: "COMMIT" });
  assert.deepEqual([nothing.status, nothing.body.code], [400, "sql_error"]);

  const broken = "CREATE TABLE gone (a); CREATE VIEW broken AS SELECT a FROM gone; DROP TABLE gone";
  assert.equal((await ask("POST", "/database/execute", { sql: broken })).status, 200);
  const shown = (await ask("GET", "/database/schema")).body.schema.tables;
  const view = shown.find(({ table }: { table: { name: string } }) => table.name === "broken");
  assert.deepEqual([view.columns, view.records], [[], 0]);
  assert.match(view.error, /no such table/);
  const unread = await ask("GET", "/database/rows?table=broken");
  assert.deepEqual([unread.status, unread.body.code], [400, "sql_error"]);
  await client.order.getOrCreate("1").steps();
  assert.equal((await inspectorOf(url, "order/@1,")("GET", "/database/schema")).body.code, "not_enabled");
});

test("key-value entries are paged, written and deleted", async (t) => {
  const { ask, handle } = await start(t);
  for (const name of ["a", "b", "c"]) await handle.remember(name, name.toUpperCase());
  const first = (await ask("GET", "/kv?limit=2")).body;
  assert.deepEqual(
    first.entries.map((entry: { keyText: string; text: string }) => [entry.keyText, entry.text]),
    [
      ["a", "A"],
      ["b", "B"],
    ],
  );
  const rest = (await ask("GET", `/kv?limit=2&cursor=${first.cursor}`)).body;
  assert.deepEqual([rest.entries.length, rest.cursor], [1, undefined]);
  assert.equal((await ask("GET", "/kv?prefix=b")).body.entries.length, 1);
  const key = Buffer.from("new").toString("base64url");
  assert.deepEqual((await ask("PUT", `/kv/${key}`, { text: "x" })).body, { ok: true });
  assert.equal((await ask("GET", `/kv/${key}`)).body.text, "x");
  await ask("PUT", `/kv/${key}`, { value: new Uint8Array([255]) });
  assert.deepEqual((await ask("GET", `/kv/${key}`)).body.value, new Uint8Array([255]));
  assert.equal((await ask("PUT", `/kv/${key}`, {})).status, 400);
  assert.equal((await ask("GET", "/kv/*")).status, 400);
  assert.deepEqual((await ask("DELETE", `/kv/${key}`)).body, { ok: true });
  assert.equal((await ask("GET", `/kv/${key}`)).status, 404);
});

test("logs, spans and the past are there", async (t) => {
  const { ask, handle } = await start(t);
  const before = Date.now();
  await handle.add(10);
  const { records, last } = (await ask("GET", "/logs")).body;
  const counted = records.filter((record: { message: string }) => record.message === "counted");
  assert.deepEqual(counted.at(-1).fields, { count: 11 });
  assert.equal((await ask("GET", `/logs?after=${last}`)).body.records.length, 0);
  const { spans } = (await ask("GET", "/traces")).body;
  const call = spans.find((span: { name: string }) => span.name === "add");
  assert.equal(call.ok, true);
  assert.ok(call.startMs >= before);
  assert.equal((await ask("GET", "/history/at")).status, 400);
  assert.equal((await ask("GET", `/history/at?time=${Date.now() + 1}`)).body.state.count, 11);
  assert.equal((await ask("GET", "/history/at?time=1")).body.code, "history_not_kept");
});

test("the past of an actor that cannot be woken is there, and looking wakes nobody", async (t) => {
  let isBroken = false;
  const fragile = actor({
    state: { count: 0 },
    onWake: () => {
      if (isBroken) throw new Error("broken");
    },
    actions: { add: (c) => (c.state.count += 1) },
  });
  const { url, registry, client } = await serve(t, { fragile });
  const handle = client().fragile.getOrCreate("one");
  await handle.add();
  const actors = await actorsOf(registry);
  const id = await handle.resolve();
  await actors.sleep(id);
  const ask = inspectorOf(url, "fragile/@one,");
  const past = `/history/at?time=${Date.now() + 1}`;
  assert.deepEqual((await ask("GET", past)).body.state, { count: 1 });
  assert.equal(actors.isInMemory(id), false);
  isBroken = true;
  assert.equal((await ask("GET", "/state")).status, 500);
  assert.deepEqual((await ask("GET", past)).body.state, { count: 1 });
  assert.equal((await ask("POST", "/history/at")).status, 405);
  const nobody = await inspectorOf(url, "fragile/@none,")("GET", past);
  assert.deepEqual([nobody.status, nobody.body.code], [404, "not_found"]);
});

test("the token of an actor opens its inspector, and no other door", async (t) => {
  const { ask, url, client } = await start(t);
  await client.shop.getOrCreate("other").add(1);
  const { token } = (await ask("GET", "/token")).body;
  assert.match(token, /^[\w-]{43}$/);
  assert.equal((await ask("GET", "/token")).body.token, token);
  const stranger = { "x-forwarded-for": "10.0.0.1" };
  const bearer = { ...stranger, authorization: `Bearer ${token}` };
  assert.equal((await ask("GET", "/state", undefined, stranger)).status, 401);
  assert.equal((await ask("GET", "/state", undefined, bearer)).status, 200);
  assert.equal((await ask("GET", "/token", undefined, bearer)).status, 403);
  const other = inspectorOf(url, "shop/@other,");
  assert.equal((await other("GET", "/state", undefined, bearer)).body.code, "unauthorized");
  assert.equal((await fetch(`${url}/actors`, { headers: bearer })).status, 401);
  assert.equal(
    (await fetch(`${url}/actors/shop/@other,`, { method: "DELETE", headers: bearer })).status,
    401,
  );
});

test("what is not there is not found, and nothing is made", async (t) => {
  const { ask, url, client } = await start(t);
  assert.equal((await ask("GET", "/nothing")).body.code, "not_found");
  assert.equal((await ask("PUT", "/state")).status, 405);
  assert.equal((await ask("GET", "/connections/%E0")).status, 400);
  for (const actor of ["shop/@new,", "shop/~new,", "nobody/@a,", "shop/none"]) {
    assert.equal((await inspectorOf(url, actor)("GET", "/state")).status, 404, actor);
  }
  assert.equal(await client.shop.count(), 1);
});

test("the summary has all of it", async (t) => {
  const { ask, handle } = await start(t);
  const { body } = await ask("GET", "/summary");
  assert.equal(body.id, await handle.resolve());
  assert.deepEqual(body.key, ["a,b", "c"]);
  assert.equal(body.state.count, 1);
  assert.deepEqual(body.queues, ["orders", "poison"]);
  assert.deepEqual([body.isDatabaseEnabled, body.isWorkflowEnabled, body.queueSize], [true, false, 0]);
  assert.deepEqual((await ask("GET", "")).body.id, body.id);
});

test("files of a custom tab are served, and nothing beside them", async (t) => {
  const folder = temporaryDirectory(t);
  mkdirSync(join(folder, "tab", "sub"), { recursive: true });
  writeFileSync(join(folder, "tab", "index.html"), "<h1>Tab</h1>");
  writeFileSync(join(folder, "tab", "sub", "app.js"), "1");
  writeFileSync(join(folder, "tab", ".secret"), "no");
  writeFileSync(join(folder, "outside.txt"), "no");
  symlinkSync(join(folder, "outside.txt"), join(folder, "tab", "link.txt"));
  const tabbed = actor({
    actions: { ping: () => 1 },
    inspector: {
      tabs: [
        { id: "own", label: "Own", source: join(folder, "tab"), icon: "🧪" },
        { id: "console", hidden: true },
      ],
    },
  });
  const { url, client, registry } = await serve(t, { tabbed });
  await client().tabbed.getOrCreate("a").ping();
  const base = `${url}/actors/tabbed/@a,/inspector`;
  assert.deepEqual(await (await fetch(`${base}/tabs`)).json(), {
    tabs: [
      { id: "own", label: "Own", icon: "🧪", hidden: false },
      { id: "console", hidden: true },
    ],
  });
  const page = await fetch(`${base}/custom-tabs/own/`);
  assert.equal(await page.text(), "<h1>Tab</h1>");
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal(page.headers.get("referrer-policy"), "no-referrer");
  assert.equal(await (await fetch(`${base}/custom-tabs/own/sub/app.js`)).text(), "1");
  // A page in a frame cannot say who it is: its files are no secret.
  const stranger = { "x-forwarded-for": "10.0.0.1" };
  const actors = await actorsOf(registry);
  await actors.sleep(await client().tabbed.get("a").resolve());
  assert.equal((await fetch(`${base}/custom-tabs/own/sub/app.js`, { headers: stranger })).status, 200);
  assert.equal(actors.size, 0);
  for (const path of [
    ".secret",
    "link.txt",
    "none.js",
    "..%2Foutside.txt",
    "%2Fetc%2Fpasswd",
    "sub",
    "sub%00",
  ]) {
    assert.equal((await fetch(`${base}/custom-tabs/own/${path}`)).status, 404, path);
  }
  assert.equal((await fetch(`${base}/custom-tabs/console/index.html`)).status, 404);
  assert.equal((await fetch(`${base}/custom-tabs/none/index.html`)).status, 404);
});
