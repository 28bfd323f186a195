/** The Studio's MCP server, with the official client over both transports. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { type ActorRules, actorRules } from "../../src/access/actor-rules.ts";
import { serveOwner } from "../../src/cli/server/owner.ts";
import { createStudio, type TaskPage, type TaskSummary } from "../../src/index.ts";
import { toolTable, withoutTool } from "../../src/mcp/tool-table.ts";
import { asOperator, joinAs, send, start } from "../people/studio-support.ts";
import { makeRepository, needsJail, temporaryFolder, Watch } from "../support.ts";

type Transport = Parameters<Client["connect"]>[0];

async function connect(t: TestContext, transport: StdioClientTransport | StreamableHTTPClientTransport) {
  const client = new Client({ name: "test", version: "1.0.0" });
  // The optional members of the HTTP transport have no "undefined", which exact optional types tell apart.
  await client.connect(transport as Transport);
  t.after(() => client.close());
  const call = async (name: string, given: Record<string, unknown> = {}) => {
    const { content, isError } = await client.callTool({ name, arguments: given });
    const [first] = content as { text: string }[];
    return { isError: isError === true, text: first?.text ?? "" };
  };
  const value = async <Value>(name: string, given?: Record<string, unknown>): Promise<Value> => {
    const { isError, text } = await call(name, given);
    assert.equal(isError, false, text);
    return JSON.parse(text) as Value;
  };
  const tools = async () => (await client.listTools()).tools;
  return { call, value, tools };
}

test("each action has a tool, or a reason why it has none", () => {
  const actions = Object.entries<ActorRules>(actorRules).flatMap(([actor, rules]) =>
    rules === "internal"
      ? []
      : Object.keys(rules.actions).flatMap((name) => (name === "internal" ? [] : [`${actor}.${name}`])),
  );
  const listed = [...Object.keys(toolTable), ...Object.keys(withoutTool)];
  assert.deepEqual([...listed].sort(), [...actions].sort());
  const names = Object.values(toolTable).map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const [name, reason] of Object.entries(withoutTool)) assert.ok(reason.length > 20, name);
});

test("over standard input and output, the owner starts, follows, reviews and stops a task", async (t) => {
  if (!needsJail(t)) return;
  const folder = temporaryFolder(t);
  const data = join(folder, "data");
  const studio = await createStudio({ dataDirectory: data, environment: {}, vault: { logins: false } });
  t.after(() => studio.close());
  const control = await serveOwner(data, studio, { passing: false });
  t.after(() => control.close());
  const main = fileURLToPath(new URL("../../../holdfast/src/cli/main.ts", import.meta.url));
  const words = ["--disable-warning=ExperimentalWarning", main, "mcp", "studio", "--data", data];
  const { call, value, tools } = await connect(
    t,
    new StdioClientTransport({ command: process.execPath, args: words, cwd: folder }),
  );
  const offered = await tools();
  const byName = new Map(offered.map((tool) => [tool.name, tool]));
  assert.deepEqual(byName.get("get_diff")?.annotations?.readOnlyHint, true);
  assert.deepEqual(byName.get("delete_task")?.annotations?.destructiveHint, true);
  assert.deepEqual(byName.get("create_task")?.inputSchema.required, ["repository", "agent", "prompt"]);
  assert.ok(offered.every(({ inputSchema }) => !JSON.stringify(inputSchema).includes("$ref")));
  // An agent must not approve itself.
  assert.equal(byName.has("answer_approval"), false);
  assert.match((await call("answer_approvals", {})).text, /no tool/);

  const repository = makeRepository(folder, { "one.txt": "before\n" });
  const prompt = 'write "after" to one.txt without asking';
  const { id } = await value<TaskSummary>("create_task", { repository, agent: "demo", prompt });
  const watch = await Watch.open(studio.client, id);
  t.after(() => watch.close());
  const { sessionId } = await watch.status("idle");
  assert.equal((await value<TaskPage>("list_tasks", { statuses: ["idle"] })).tasks[0]?.id, id);
  const log = await value<{ events: unknown[] }>("read_transcript", {
    session: sessionId,
    after: 0,
    limit: 500,
  });
  assert.match(JSON.stringify(log.events[0]), /without asking/);
  const diff = await value<{ tree: string; files: { path: string; contentId: string }[] }>("get_diff", {
    task: id,
  });
  const [file] = diff.files;
  assert.equal(file?.path, "one.txt");
  const lines = { path: "one.txt", side: "new", startLine: 1, endLine: 1, quote: "after" };
  const comment = { id: crypto.randomUUID(), ...lines, contentId: file.contentId, text: "Why?" };
  await value("save_comment", { task: id, ...comment });
  // The queue hears of a question after the task shows it.
  const queued = Promise.withResolvers<void>();
  const changes = await studio.client.attention.on("approvalsChanged", () => queued.resolve());
  t.after(() => changes.close());
  await value("send_review", { task: id, commentIds: [comment.id] });
  await watch.status("waiting");
  await queued.promise;
  const { total } = await value<{ total: number }>("list_approvals");
  assert.equal(total, 1);
  assert.deepEqual(await value("stop_task", { task: id }), { ok: true });
  await watch.status("stopped");

  assert.match((await call("get_task", { task: "none" })).text, /\(actor\.not_found\)$/);
  assert.match((await call("list_tasks", { status: "idle" })).text, /`status` is not an argument/);
  assert.match((await call("prompt_task", { task: id })).text, /`text` is missing/);
  assert.match((await call("list_tasks", { statuses: ["late"] })).text, /\(task\.invalid_input\)$/);
});

test("over HTTP, a token has the tools of its scope, and only the scope of all answers", async (t) => {
  const studio = await start(t);
  const operator = await asOperator(studio);
  const { credentials } = await joinAs(studio, operator, "owner", "ada@example.org");
  const tokenOf = async (scope: string) => {
    const { body } = await send(studio, "POST", "/people/tokens", credentials, { name: scope, scope });
    return String(body["token"]);
  };
  const over = async (token: string) => {
    const requestInit = { headers: { authorization: `Bearer ${token}` } };
    return connect(t, new StreamableHTTPClientTransport(new URL(`${studio.url}/mcp`), { requestInit }));
  };
  const [read, write, all] = await Promise.all(["read", "write", "all"].map(tokenOf));
  const namesOf = async (token = "") => {
    const { tools } = await over(token);
    return new Set((await tools()).map(({ name }) => name));
  };
  const [reading, writing, everything] = [await namesOf(read), await namesOf(write), await namesOf(all)];
  assert.deepEqual([reading.has("get_diff"), reading.has("prompt_task")], [true, false]);
  assert.deepEqual([writing.has("prompt_task"), writing.has("answer_approvals")], [true, false]);
  assert.deepEqual([writing.has("search_audit_log"), everything.has("search_audit_log")], [false, true]);
  assert.ok(everything.has("answer_approvals"));

  const { value } = await over(read ?? "");
  assert.deepEqual((await value<TaskPage>("list_tasks")).tasks, []);
  assert.deepEqual((await value<{ entries: unknown[] }>("list_inbox")).entries, []);
  // Not by a request of its own either: the program of the token may be the agent.
  const answer = (token = "") =>
    send(
      studio,
      "POST",
      "/actors/task/@none,/actions/answerMany",
      { authorization: `Bearer ${token}` } as never,
      {
        args: [[]],
      },
    );
  const [refused, missing] = [await answer(write), await answer(all)];
  assert.deepEqual([refused.status, refused.body["code"]], [403, "forbidden"]);
  assert.match(JSON.stringify(refused.body), /scope \\"all\\"/);
  assert.equal(missing.status, 404);
  assert.equal((await send(studio, "POST", "/mcp", {}, {})).status, 401);
  assert.equal((await send(studio, "GET", "/mcp", {})).status, 405);
});
