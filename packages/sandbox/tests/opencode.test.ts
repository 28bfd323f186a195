import assert from "node:assert/strict";
import { mkdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { text as readBody } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { createOpencodeClient, type Event, type OpencodeClient } from "@opencode-ai/sdk";
import { createOpencodeClient as createClientV2 } from "@opencode-ai/sdk/v2/client";
import type { SandboxServerOptions } from "../src/index.ts";
import { field, type Sandbox, startSandbox, temporary, until, withScript } from "./harness.ts";
import { SessionApi } from "./session-api.ts";

const token = "secret";
const headers = { authorization: `Bearer ${token}` };

/** Connects the published OpenCode client, unmodified, to a sandbox server. */
interface Attached {
  readonly sandbox: Sandbox;
  readonly client: OpencodeClient;
  readonly api: SessionApi;
}

async function attach(t: TestContext, options: Partial<SandboxServerOptions> = {}): Promise<Attached> {
  const sandbox = await startSandbox(t, "tcp", { token, ...options });
  const baseUrl = `${sandbox.url}/opencode`;
  const client = createOpencodeClient({ baseUrl, headers, directory: sandbox.work });
  return { sandbox, client, api: new SessionApi(sandbox) };
}

/** Collects events, and waits for the first that matches. */
class Heard {
  readonly events: Event[] = [];
  readonly #waiters = new Set<() => void>();

  static async from(t: TestContext, client: OpencodeClient): Promise<Heard> {
    const heard = new Heard();
    const abort = new AbortController();
    t.after(() => abort.abort());
    const { stream } = await client.event.subscribe({ signal: abort.signal });
    void (async () => {
      for await (const event of stream) {
        heard.events.push(event);
        for (const look of heard.#waiters) look();
      }
    })().catch(() => {});
    await heard.next("server.connected");
    return heard;
  }

  /** Waits for the first matching event of a type and returns its properties. */
  async next(type: string, fits: (properties: unknown) => boolean = () => true): Promise<unknown> {
    const find = () =>
      this.events.find((event) => String(event.type) === type && fits(field(event, "properties")));
    const found = find() ?? (await this.#arrival(find));
    return field(found, "properties");
  }

  #arrival(find: () => Event | undefined): Promise<Event> {
    return new Promise((resolve) => {
      const look = () => {
        const found = find();
        if (!found) return;
        this.#waiters.delete(look);
        resolve(found);
      };
      this.#waiters.add(look);
    });
  }

  types(): string[] {
    return this.events.map((event) => String(event.type));
  }
}

const demo = { providerID: "demo", modelID: "default" };
const says = (text: string) => [{ type: "text" as const, text }];

async function made(client: OpencodeClient, title?: string): Promise<string> {
  const { data } = await client.session.create({ body: title === undefined ? {} : { title } });
  assert.ok(data);
  return data.id;
}

test("a prompt with a permission, as the published client drives it", async (t) => {
  const { sandbox, client, api } = await attach(t);
  const heard = await Heard.from(t, client);
  const id = await made(client, "First");
  assert.match(id, /^ses_/);
  const answering = client.session.prompt({
    path: { id },
    body: { model: demo, parts: says("write “it is here” to note.txt".replaceAll(/[“”]/g, '"')) },
  });
  const asked = await heard.next("permission.asked");
  assert.equal(field(asked, "permission"), "edit");
  assert.deepEqual(field(asked, "patterns"), [join(sandbox.work, "note.txt")]);
  assert.match(String(field(asked, "metadata", "diff")), /^\+it is here$/m);
  assert.deepEqual((await client.session.status()).data, { [id]: { type: "busy" } });
  const permissionID = String(field(asked, "id"));
  const reply = await client.postSessionIdPermissionsPermissionId({
    path: { id, permissionID },
    body: { response: "once" },
  });
  assert.equal(reply.data, true);
  const { data: answer } = await answering;
  assert.equal(answer?.info.finish, "stop");
  assert.equal(await readFile(join(sandbox.work, "note.txt"), "utf8"), "it is here\n");
  await heard.next("session.idle");
  const types = heard.types();
  for (const type of [
    "session.created",
    "session.status",
    "message.updated",
    "message.part.updated",
    "message.part.delta",
    "todo.updated",
    "permission.replied",
    "file.edited",
    "session.diff",
  ]) {
    assert.ok(types.includes(type), `no ${type} among ${types.join(" ")}`);
  }
  // Reading the messages later gives the same result as the events did.
  const { data: messages = [] } = await client.session.messages({ path: { id } });
  assert.deepEqual(
    messages.map(({ info }) => info.role),
    ["user", "assistant"],
  );
  assert.deepEqual(messages[1], answer);
  const told = new Map(
    heard.events.flatMap((event) =>
      event.type === "message.part.updated" ? [[event.properties.part.id, event.properties.part]] : [],
    ),
  );
  for (const part of messages.flatMap(({ parts }) => parts)) assert.deepEqual(told.get(part.id), part);
  const ids = messages.flatMap(({ parts }) => parts.map((part) => part.id));
  assert.deepEqual(ids, [...ids].sort());
  assert.deepEqual(
    (await client.session.todo({ path: { id } })).data?.map(({ status }) => status),
    ["completed", "completed", "completed"],
  );
  const { data: diff = [] } = await client.session.diff({ path: { id } });
  assert.deepEqual([diff[0]?.file, diff[0]?.additions], [join(sandbox.work, "note.txt"), 1]);
  assert.equal(
    (await client.session.message({ path: { id, messageID: String(messages[0]?.info.id) } })).data?.info.role,
    "user",
  );
  // It is an ordinary session of this server.
  const own = await api.session(id);
  assert.deepEqual([field(own, "agent"), field(own, "title")], ["demo", "First"]);
});

test("sessions of the server and of OpenCode's clients are the same", async (t) => {
  const { client, api } = await attach(t);
  const own = await api.create("demo", { title: "Made here" });
  await api.prompt(own, "just look without asking");
  const { data: sessions = [] } = await client.session.list();
  assert.deepEqual(
    sessions.map(({ id, title }) => [id, title]),
    [[`ses_${own}`, "Made here"]],
  );
  const { data: messages = [] } = await client.session.messages({ path: { id: `ses_${own}` } });
  assert.deepEqual(
    messages.map(({ info }) => info.role),
    ["user", "assistant"],
  );
  const theirs = await made(client);
  assert.ok((await client.session.get({ path: { id: theirs } })).data?.title.startsWith("New session - "));
  const listed = await api.expect(200, "GET", "/v1/sessions");
  assert.equal(field(listed, "sessions", "length"), 2);
  assert.equal(
    (await client.session.update({ path: { id: theirs }, body: { title: "New" } })).data?.title,
    "New",
  );
  assert.equal((await client.session.delete({ path: { id: theirs } })).data, true);
  assert.equal((await api.call("GET", `/v1/sessions/${theirs}`)).status, 404);
  const missing = await client.session.get({ path: { id: theirs } });
  assert.equal(missing.response.status, 404);
  assert.equal(field(missing.error, "errors", 0, "message"), `there is no session "${theirs}"`);
});

test("abort ends a turn and marks its message", async (t) => {
  const { client } = await attach(t);
  const heard = await Heard.from(t, client);
  const id = await made(client);
  const body = { model: demo, parts: says("slowly, please") };
  assert.equal((await client.session.promptAsync({ path: { id }, body })).response.status, 204);
  await heard.next("message.part.delta");
  assert.equal((await client.session.abort({ path: { id } })).data, true);
  await heard.next("session.idle");
  const { data: messages = [] } = await client.session.messages({ path: { id } });
  assert.equal(field(messages[1], "info", "error", "name"), "MessageAbortedError");
  assert.deepEqual((await client.session.status()).data, { [id]: { type: "idle" } });
});

test("a fork copies the history before a message, and continues independently", async (t) => {
  const { client } = await attach(t);
  const id = await made(client);
  for (const text of ["first without asking", "second without asking"]) {
    await client.session.prompt({ path: { id }, body: { model: demo, parts: says(text) } });
  }
  const { data: messages = [] } = await client.session.messages({ path: { id } });
  const messageID = String(messages[2]?.info.id);
  const { data: fork } = await client.session.fork({ path: { id }, body: { messageID } });
  assert.equal(fork?.parentID, id);
  const forked = String(fork?.id);
  const { data: past = [] } = await client.session.messages({ path: { id: forked } });
  assert.deepEqual(
    past.map(({ info }) => info.id),
    messages.slice(0, 2).map(({ info }) => info.id),
  );
  assert.deepEqual(
    (await client.session.children({ path: { id } })).data?.map((each) => each.id),
    [forked],
  );
  await client.session.prompt({ path: { id: forked }, body: { parts: says("third without asking") } });
  const { data: after = [] } = await client.session.messages({ path: { id: forked } });
  assert.equal(after.length, 4);
  const { data: still = [] } = await client.session.messages({ path: { id } });
  assert.equal(still.length, 4);
});

test("another agent can take over a session, and receives its history", async (t) => {
  const agents = await withScript(t, "echo", echoAgent);
  const { client } = await attach(t, { agents });
  const id = await made(client);
  const body = { model: demo, parts: says("remember the word plum, without asking") };
  await client.session.prompt({ path: { id }, body });
  const handed = await client.session.prompt({
    path: { id },
    body: { model: { providerID: "echo", modelID: "default" }, parts: says("which word?") },
  });
  const text = handed.data?.parts.find((part) => part.type === "text");
  assert.match(String(field(text, "text")), /remember the word plum[\s\S]*which word\?/);
  assert.equal(handed.data?.info.providerID, "echo");
  const echo = { providerID: "echo", modelID: "default" };
  assert.equal((await client.session.summarize({ path: { id }, body: echo })).data, true);
  const { data: messages = [] } = await client.session.messages({ path: { id } });
  assert.match(String(field(messages.at(-1), "parts", 1, "text")), /^Summarise this conversation/);
  const unknown = await client.session.prompt({
    path: { id },
    body: { model: { providerID: "nobody", modelID: "x" }, parts: says("hello") },
  });
  assert.equal(unknown.response.status, 400);
});

test("an agent that cannot start is immediately reported as a session error", async (t) => {
  const agents = await withScript(t, "broken", "process.stderr.write('no key\\n'); process.exit(3);");
  const { client } = await attach(t, { agents });
  const heard = await Heard.from(t, client);
  const id = await made(client);
  const model = { providerID: "broken", modelID: "default" };
  const { data } = await client.session.prompt({ path: { id }, body: { model, parts: says("hello") } });
  assert.equal(field(data, "info", "error", "name"), "UnknownError");
  assert.equal(field(await heard.next("session.error"), "sessionID"), id);
  await heard.next("session.idle");
});

test("a choice among several options is a question with its own answers", async (t) => {
  const agents = await withScript(t, "chooser", chooserAgent);
  const { sandbox } = await attach(t, { agents });
  const client = createClientV2({ baseUrl: `${sandbox.url}/opencode`, headers });
  const { data: session } = await client.session.create({ directory: sandbox.work });
  const sessionID = String(session?.id);
  const model = { providerID: "chooser", modelID: "default" };
  const answering = client.session.prompt({ sessionID, model, parts: says("choose") });
  const pending = async () => (await client.question.list()).data ?? [];
  await until("the question is asked", async () => (await pending()).length === 1);
  const [question] = await pending();
  assert.deepEqual(
    question?.questions[0]?.options.map(({ label }) => label),
    ["Tea", "Coffee", "Neither"],
  );
  assert.deepEqual((await client.permission.list()).data, []);
  const requestID = String(question?.id);
  assert.equal((await client.question.reply({ requestID, answers: [["Water"]] })).response.status, 400);
  assert.equal((await client.question.reply({ requestID, answers: [["Coffee"]] })).data, true);
  const { data } = await answering;
  assert.equal(
    field(
      data?.parts.find((part) => part.type === "text"),
      "text",
    ),
    "coffee",
  );
});

test("the demo agent under the peer's id runs the scripts of its words, and asks nothing else", async (t) => {
  const { sandbox } = await attach(t);
  const client = createClientV2({ baseUrl: `${sandbox.url}/opencode`, headers });
  const { data: session } = await client.session.create({ directory: sandbox.work });
  const sessionID = String(session?.id);
  const model = { providerID: "mock", modelID: "mock" };
  const prompt = async (text: string) => {
    const { data } = await client.session.prompt({ sessionID, model, parts: says(text) });
    return data ?? { info: undefined, parts: [] };
  };
  const words = ({ parts }: { readonly parts: readonly unknown[] }) =>
    parts.map((part) => field(part, "text") ?? "").join("");
  assert.equal(words(await prompt("Hello, world!")).trim(), "You said: Hello, world!");
  const used = (await prompt("tool")).parts.filter((part) => part.type === "tool");
  assert.deepEqual(
    used.map((part) => field(part, "state", "status")),
    ["completed", "completed"],
  );
  assert.equal(field((await prompt("error")).info, "error", "name"), "UnknownError");
  const answering = prompt("a question");
  const pending = async () => (await client.question.list()).data ?? [];
  await until("the question is asked", async () => (await pending()).length === 1);
  const requestID = String((await pending())[0]?.id);
  assert.equal((await client.question.reply({ requestID, answers: [["Yes"]] })).data, true);
  assert.match(words(await answering), /You said Yes\./);
  const allowed = prompt("with permission");
  const waiting = async () => (await client.permission.list()).data ?? [];
  await until("the permission is asked", async () => (await waiting()).length === 1);
  const path = `/opencode/session/${sessionID}/permissions/${(await waiting())[0]?.id}`;
  const reply = (response: string) =>
    sandbox.fetch(`${sandbox.url}${path}`, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ response }),
    });
  assert.equal((await reply("perhaps")).status, 400);
  assert.equal((await reply("allow")).status, 200);
  assert.match(words(await allowed), /Done\./);
});

test("permission rules of a session and its forks answer before the user is asked", async (t) => {
  const { sandbox } = await attach(t);
  const client = createClientV2({ baseUrl: `${sandbox.url}/opencode`, headers });
  const permission = [
    { permission: "*", pattern: "*", action: "allow" as const },
    { permission: "bash", pattern: "rm *", action: "deny" as const },
  ];
  const { data: session } = await client.session.create({ directory: sandbox.work, permission });
  const sessionID = String(session?.id);
  const prompt = (text: string) => client.session.prompt({ sessionID, model: demo, parts: says(text) });
  await prompt("run `echo yes > made.txt`");
  assert.equal(await readFile(join(sandbox.work, "made.txt"), "utf8"), "yes\n");
  await prompt("run `rm made.txt`");
  assert.equal(await readFile(join(sandbox.work, "made.txt"), "utf8"), "yes\n");
  const { data: whole } = await client.session.fork({ sessionID });
  assert.deepEqual(whole?.permission, permission);
  const { data: messages = [] } = await client.session.messages({ sessionID });
  const { data: early } = await client.session.fork({ sessionID, messageID: String(messages[2]?.info.id) });
  assert.deepEqual(early?.permission, permission);
});

test("the routes that a terminal needs at its start exist and have the expected shape", async (t) => {
  const { sandbox, client } = await attach(t);
  await mkdir(join(sandbox.work, ".git"));
  const place = (await client.path.get()).data;
  assert.deepEqual([place?.directory, place?.worktree], [sandbox.work, sandbox.work]);
  assert.equal((await client.project.current()).data?.vcs, "git");
  const { data: providers } = await client.provider.list();
  assert.ok(providers?.connected.includes("demo"));
  assert.ok(providers?.all.find(({ id }) => id === "mock")?.models.mock);
  const { data: usable } = await client.config.providers();
  assert.deepEqual(usable?.providers.map(({ id }) => id).sort(), [...(providers?.connected ?? [])].sort());
  assert.deepEqual(
    (await client.app.agents()).data?.map(({ name }) => name),
    ["build", "plan"],
  );
  assert.equal(
    (await client.config.update({ body: { model: "mock/mock-fast" } })).data?.model,
    "mock/mock-fast",
  );
  const session = await client.session.create();
  assert.deepEqual(field(session.data, "model"), { id: "mock-fast", providerID: "mock" });
  for (const path of [
    "lsp",
    "formatter",
    "command",
    "skill",
    "api/model",
    "experimental/console",
    "mcp",
    "vcs",
  ]) {
    assert.equal((await sandbox.fetch(`${sandbox.url}/opencode/${path}`)).status, 200, path);
  }
  const heard = await Heard.from(t, client);
  assert.equal((await client.tui.appendPrompt({ body: { text: "hello" } })).data, true);
  assert.deepEqual(await heard.next("tui.prompt.append"), { text: "hello" });
});

test("the token is required, may be the password, and errors have OpenCode's shape", async (t) => {
  const { sandbox } = await attach(t);
  const url = `${sandbox.url}/opencode/session`;
  const refused = await fetch(url);
  assert.equal(refused.status, 401);
  assert.deepEqual(field(await refused.json(), "errors"), [{ message: "missing or invalid bearer token" }]);
  const basic = (password: string) => ({ authorization: `Basic ${btoa(`opencode:${password}`)}` });
  assert.equal((await fetch(url, { headers: basic(token) })).status, 200);
  assert.equal((await fetch(url, { headers: basic("wrong") })).status, 401);
  assert.equal((await fetch(`${sandbox.url}/v1/health`, { headers: basic(token) })).status, 401);
  const malformed = await sandbox.fetch(url, { method: "POST", body: "{" });
  assert.equal(malformed.status, 400);
  assert.equal(field(await malformed.json(), "name"), "BadRequest");
});

test("an event stream resumes after the last event received", async (t) => {
  const { sandbox, client } = await attach(t);
  const heard = await Heard.from(t, client);
  for (const message of ["one", "two"]) await client.tui.showToast({ body: { message, variant: "info" } });
  await heard.next("tui.toast.show", (properties) => field(properties, "message") === "two");
  const abort = new AbortController();
  t.after(() => abort.abort());
  const response = await sandbox.fetch(`${sandbox.url}/opencode/event`, {
    headers: { "last-event-id": "1" },
    signal: abort.signal,
  });
  let text = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk;
    if (text.includes('"two"')) break;
  }
  assert.ok(!text.includes('"one"'), text);
  assert.match(text, /^id: 1\ndata: \{"type":"server.connected"/);
});

test("a change that could not be written to disk is not reported as successful", async (t) => {
  const dataDirectory = await temporary(t);
  const { sandbox, api } = await attach(t, { dataDirectory });
  // Makes the next sync of the database fail: its log can no longer be found.
  await rm(join(dataDirectory, "sessions.db-wal"));
  await api.expect(507, "POST", "/opencode/session", {});
  const sessions = await api.expect(200, "GET", "/opencode/session");
  const id = String(field(sessions, 0, "id"));
  await api.expect(507, "PATCH", `/opencode/session/${id}`, { title: "New" });
  await api.expect(507, "POST", `/opencode/session/${id}/abort`);
  await api.expect(507, "POST", `/v1/sessions/${id}/close`);
  await api.expect(507, "DELETE", `/opencode/session/${id}`);
  await sandbox.close();
});

test("requests without a route are proxied to a configured OpenCode server, without the token", async (t) => {
  const seen: unknown[] = [];
  const own = createServer(async (request, response) => {
    const body = await readBody(request);
    seen.push([request.method, request.url, request.headers.authorization, body]);
    response.writeHead(201, { "content-type": "application/json" }).end('{"found":true}');
  });
  await new Promise<void>((resolve) => own.listen(0, "127.0.0.1", resolve));
  t.after(() => own.close());
  const { port } = own.address() as AddressInfo;
  const { sandbox } = await attach(t, { opencode: { proxyUrl: `http://127.0.0.1:${port}/` } });
  const path = `${sandbox.url}/opencode/session/s/shell?a=b`;
  assert.equal((await fetch(path, { method: "POST", body: "x" })).status, 401);
  const answer = await sandbox.fetch(path, { method: "POST", body: '{"command":"ls"}' });
  assert.equal(answer.status, 201);
  assert.deepEqual(await answer.json(), { found: true });
  assert.deepEqual(seen, [["POST", "/session/s/shell?a=b", undefined, '{"command":"ls"}']]);
  assert.equal((await sandbox.fetch(`${sandbox.url}/opencode/lsp`)).status, 200);
});

const reader = `
import { createInterface } from "node:readline";
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
const say = (sessionId, text) => send({ method: "session/update", params: {
  sessionId, update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } } } });
let waiting;
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params, result } = JSON.parse(line);
  if (method === undefined) { waiting?.(result); continue; }
  if (method === "initialize") send({ id, result: { protocolVersion: 1, agentCapabilities: {} } });
  if (method === "session/new") send({ id, result: { sessionId: "s" } });
  if (method === "session/prompt") turn(params).then(() => send({ id, result: { stopReason: "end_turn" } }));
}`;

const echoAgent = `${reader}
async function turn({ sessionId, prompt }) { say(sessionId, prompt.map((block) => block.text).join("\\n")); }`;

const chooserAgent = `${reader}
async function turn({ sessionId }) {
  const options = [["tea", "Tea", "allow_once"], ["coffee", "Coffee", "allow_once"], ["none", "Neither", "reject_once"]]
    .map(([optionId, name, kind]) => ({ optionId, name, kind }));
  const answer = new Promise((resolve) => { waiting = resolve; });
  send({ id: "q1", method: "session/request_permission", params: {
    sessionId, toolCall: { toolCallId: "t1", title: "What to drink?" }, options } });
  say(sessionId, (await answer).outcome.optionId);
}`;
