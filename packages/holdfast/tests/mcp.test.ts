import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { type TestContext, test } from "node:test";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { notes } from "./actors-support.ts";
import { holdfast, scratch, startServer } from "./support.ts";

const command = resolve(import.meta.dirname, "..", "bin", "holdfast.js");

/** The SDK's own client on the real command. */
async function connect(t: TestContext, ...args: string[]) {
  const client = new Client({ name: "test", version: "1.0.0" });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: ["--disable-warning=ExperimentalWarning", command, "mcp", ...args],
    cwd: tmpdir(),
  });
  await client.connect(transport);
  t.after(() => client.close());
  const call = async (name: string, given: Record<string, unknown> = {}) => {
    const { content, isError } = await client.callTool({ name, arguments: given });
    const [first] = content as { type: string; text: string }[];
    return { isError: isError === true, text: first?.text ?? "" };
  };
  const value = async (name: string, given?: Record<string, unknown>): Promise<unknown> => {
    const { isError, text } = await call(name, given);
    assert.equal(isError, false, text);
    return JSON.parse(text);
  };
  return { client, call, value };
}

test("an agent looks at actors, and changes nothing", async (t) => {
  const { url } = await notes(t);
  const { client, call, value } = await connect(t, "--url", url);
  const { tools } = await client.listTools();
  const names = tools.map(({ name }) => name);
  assert.ok(names.includes("query_sql"));
  assert.ok(tools.every(({ annotations }) => annotations?.readOnlyHint === true));
  assert.ok(tools.every(({ inputSchema }) => inputSchema.type === "object"));
  const { actors } = (await value("list_actors", { name: "note" })) as { actors: { key: string[] }[] };
  assert.equal(actors.length, 2);
  const actor = "note/@team,a%2Fb,";
  assert.deepEqual(await value("read_state", { actor }), {
    state: { text: "hello", edits: ["$BigInt", "1"] },
    isStateEnabled: true,
  });
  assert.deepEqual(await value("query_sql", { actor, sql: "SELECT ? AS n", args: [3] }), {
    rows: [{ n: 3 }],
  });
  const { records } = (await value("tail_logs", { actor })) as { records: { message: string }[] };
  assert.ok(records.some(({ message }) => message === "written"));
  const { spans } = (await value("tail_events", { actor })) as { spans: { name: string }[] };
  assert.ok(spans.some(({ name }) => name === "write"));
  for (const name of [
    "list_queue",
    "list_schedules",
    "workflow_history",
    "database_schema",
    "list_kv",
    "get_actor",
  ]) {
    await value(name, { actor });
  }
  const written = await call("query_sql", { actor, sql: "INSERT INTO word VALUES ('x')" });
  assert.equal(written.isError, true);
  const refused = await call("call_action", { actor, action: "write", args: ["no"] });
  assert.match(refused.text, /--allow-write/);
  assert.equal(((await value("read_state", { actor })) as { state: { text: string } }).state.text, "hello");
});

test("where it may write, it calls actions, sends messages, writes state and SQL", async (t) => {
  const { url, registry } = await notes(t);
  const { call, value } = await connect(t, "--url", url, "--allow-write");
  const actor = "note/plain";
  assert.deepEqual(await value("call_action", { actor, action: "write", args: ["new"] }), {
    output: ["$BigInt", "2"],
  });
  await value("write_state", { actor, state: { text: "set", edits: ["$BigInt", "7"] } });
  assert.equal(await registry.client.note.get("plain").write("x"), 8n);
  await value("send_message", { actor, queue: "inbox", body: "hi" });
  assert.equal(((await value("list_queue", { actor })) as { size: number }).size, 1);
  await value("execute_sql", { actor, sql: "INSERT INTO word VALUES (?)", args: ["x"] });
  assert.deepEqual(await value("query_sql", { actor, sql: "SELECT word FROM word" }), {
    rows: [{ word: "x" }],
  });
  await value("sleep_actor", { actor });
  await value("destroy_actor", { actor });
  assert.match((await call("read_state", { actor })).text, /actor\.not_found/);
});

test("bad input is an error of the tool, and the server goes on", async (t) => {
  const { url } = await notes(t);
  const { call, value } = await connect(t, "--url", url, "--allow-write");
  for (const [name, given] of [
    ["read_state", {}],
    ["read_state", { actor: "note" }],
    ["read_state", { actor: 1 }],
    ["call_action", { actor: "note/plain" }],
    ["call_action", { actor: "note/plain", action: "write", args: "x" }],
    ["send_message", { actor: "note/plain", queue: "none", body: 1 }],
    ["send_message", { actor: "note/plain", queue: "inbox" }],
    ["state_at", { actor: "note/plain", time: "now" }],
    ["list_actors", { limit: 0 }],
    ["none", {}],
  ] as const) {
    assert.equal((await call(name, given)).isError, true, `${name} ${JSON.stringify(given)}`);
  }
  assert.equal(((await value("list_actors")) as { actors: unknown[] }).actors.length, 2);
});

test("what was called before the input ends is answered", async (t) => {
  const { url } = await notes(t);
  const clientInfo = { name: "test", version: "1.0.0" };
  const hello = { protocolVersion: "2025-06-18", capabilities: {}, clientInfo };
  const messages = [
    { id: 1, method: "initialize", params: hello },
    { method: "notifications/initialized" },
    { id: 2, method: "tools/call", params: { name: "list_actors", arguments: { name: "note" } } },
  ];
  const input = messages.map((message) => `${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`).join("");
  const { code, stdout, stderr } = await holdfast(["mcp", "--url", url], { input });
  assert.equal(code, 0, stderr);
  const answers = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { id: number });
  assert.deepEqual(
    answers.map(({ id }) => id),
    [1, 2],
  );
});

test("without a server each use says so", async (t) => {
  const { call } = await connect(t, "--url", "http://127.0.0.1:1");
  const answer = await call("list_actors");
  assert.equal(answer.isError, true);
  assert.match(answer.text, /client\.network_error/);
});

test("a server that is started again on another port is found again", async (t) => {
  const directory = scratch(t);
  const first = await startServer(t, directory);
  const { call, value } = await connect(t, "--data", directory, "--allow-write");
  await value("list_actors", { name: "none" });
  await first.stop();
  assert.match((await call("list_actors")).text, /control\.not_running/);
  await startServer(t, directory);
  await value("list_actors", { name: "none" });
});

test("what reads is asked again of the server that runs now, what writes is left to the agent", async (t) => {
  const directory = scratch(t);
  const first = await startServer(t, directory);
  const reader = await connect(t, "--data", directory);
  const writer = await connect(t, "--data", directory, "--allow-write");
  for (const { value } of [reader, writer]) await value("list_actors", { name: "none" });
  await first.stop();
  // The first port is taken meanwhile, so that the second server comes up on another one.
  const other = createServer((socket) => socket.destroy()).listen(
    Number(new URL(first.url).port),
    "127.0.0.1",
  );
  await once(other, "listening");
  t.after(() => other.close());
  await startServer(t, directory);
  await reader.value("list_actors", { name: "none" });
  const send = () => writer.call("send_message", { actor: "none/at-all", queue: "q", body: 1 });
  assert.match((await send()).text, /client\.network_error/);
  assert.match((await send()).text, /actor\.not_found/);
});
