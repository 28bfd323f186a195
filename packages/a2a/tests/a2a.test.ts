/** The official client, with both versions of the protocol, against an agent on a server. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, realpath, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Message, Role, type StreamResponse, type Task, TaskState } from "@a2a-js/sdk";
import { type Client, ClientFactory } from "@a2a-js/sdk/client";
import { agent } from "@holdfast/agent";
import { HoldfastError } from "@holdfast/core";
import { createSandboxServer } from "@holdfast/sandbox";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { compileCache } from "@holdfast/testing/own-imports";
import { removeAtExit } from "@holdfast/testing/scratch";
import { a2a, a2aLimits } from "../src/index.ts";

const directory = await realpath(await mkdtemp(join(tmpdir(), "holdfast-a2a-")));
removeAtExit(directory);
const [home, cwd] = [join(directory, "home"), join(directory, "work")];
await Promise.all([home, cwd].map((path) => mkdir(path, { mode: 0o700 })));
await writeFile(join(cwd, "README.md"), "# Sample\n");
const sandbox = await createSandboxServer({
  listen: { host: "127.0.0.1", port: 0 },
  ...{ home, cwd },
  env: { ...compileCache, HOLDFAST_DEMO_PACE_MS: "1" },
});
const running = { baseUrl: sandbox.url ?? "", token: sandbox.token ?? "" };

const coder = agent({ agent: "demo", sandbox: running, cwd });
const guarded = agent({
  ...{ agent: "demo", sandbox: running, cwd },
  onAuth: (_c, { req }) => {
    if (req.headers.get("authorization") !== "Bearer ann")
      throw new HoldfastError("auth", "unauthorized", "Who are you?");
  },
});
const registry = createRegistry({
  use: { coder, guarded },
  store: (ports) => openSqliteStore({ path: join(directory, "data"), ports }),
});
const about = { description: "Works on a repository", version: "1.0.0" };
const skill = { id: "code", name: "Code", description: "Changes files", tags: ["code"] };
const { url } = await registry.listen({
  port: 0,
  application: a2a(registry, {
    ...{ agent: "coder", name: "Coder", ...about, skills: [skill] },
    next: a2a(registry, { agent: "guarded", name: "Guarded", ...about, path: "/guarded", bearer: true }),
  }),
});
after(async () => {
  await registry.shutdown();
  await sandbox.close();
});

const client: Client = await new ClientFactory().createFromUrl(url);

function say(text: string, rest: Partial<Message> = {}, returnImmediately = false) {
  const message: Message = {
    messageId: crypto.randomUUID(),
    ...{ contextId: "", taskId: "", role: Role.ROLE_USER, metadata: undefined },
    ...{ extensions: [], referenceTaskIds: [] },
    parts: [{ content: { $case: "text", value: text }, metadata: undefined, filename: "", mediaType: "" }],
    ...rest,
  };
  const configuration = {
    ...{ acceptedOutputModes: [], taskPushNotificationConfig: undefined, historyLength: undefined },
    returnImmediately,
  };
  return { tenant: "", message, configuration, metadata: undefined };
}

async function send(...args: Parameters<typeof say>): Promise<Task> {
  const result = await client.sendMessage(say(...args));
  return "status" in result ? result : assert.fail("no task");
}

const textOf = (task: Task | undefined) =>
  (task?.artifacts ?? [])
    .flatMap(({ parts }) => parts)
    .map(({ content }) => (content?.$case === "text" ? content.value : ""))
    .join("");

test("a task is a turn: sent, streamed, got and listed", async () => {
  const card = await client.getAgentCard();
  assert.deepEqual([card.name, card.skills[0]?.id], ["Coder", "code"]);
  const task = await send("Note it without asking", { contextId: "repo" });
  assert.equal(task.status?.state, TaskState.TASK_STATE_COMPLETED);
  assert.match(textOf(task), /Done\./);
  const events: StreamResponse[] = [];
  for await (const event of client.sendMessageStream(say("Note it without asking", { contextId: "repo" })))
    events.push(event);
  const kinds = events.map(({ payload }) => payload?.$case);
  assert.equal(kinds[0], "task");
  const last = events.at(-1)?.payload;
  assert.ok(last?.$case === "statusUpdate" && last.value.status?.state === TaskState.TASK_STATE_COMPLETED);
  const streamed = events.flatMap(({ payload }) =>
    payload?.$case === "artifactUpdate" ? (payload.value.artifact?.parts ?? []) : [],
  );
  const got = await client.getTask({ tenant: "", id: last.value.taskId });
  assert.equal(
    textOf(got),
    streamed.map(({ content }) => (content?.$case === "text" ? content.value : "")).join(""),
  );
  assert.equal(got.history.length, 1);
  const { tasks } = await client.listTasks({
    ...{ tenant: "", contextId: "repo", status: TaskState.TASK_STATE_UNSPECIFIED, pageToken: "" },
    statusTimestampAfter: undefined,
  });
  assert.deepEqual(
    tasks.map(({ id }) => id),
    [got.id, task.id],
  );
});

test("a question needs input: yes goes on with the task, and another answer is too late", async () => {
  const task = await send('write "hello" to a2a.txt');
  assert.equal(task.status?.state, TaskState.TASK_STATE_INPUT_REQUIRED);
  const data = task.status.message?.parts.find(({ content }) => content?.$case === "data")?.content;
  assert.ok(data?.$case === "data" && data.value.title === "Edit a2a.txt", JSON.stringify(task.status));
  const { contextId, id: taskId } = task;
  await assert.rejects(send("perhaps", { contextId, taskId }), /"yes" or "no"/);
  await assert.rejects(send("yes", { contextId: "other", taskId }), /another context/);
  const done = await send("yes", { contextId, taskId });
  assert.equal(done.status?.state, TaskState.TASK_STATE_COMPLETED);
  assert.equal(await readFile(join(cwd, "a2a.txt"), "utf8"), "hello\n");
  await assert.rejects(send("yes", { taskId }), /waits for no answer/);
});

test("a running task is cancelled, and followed again", async () => {
  const { id, contextId } = await send("slowly count, without asking", {}, true);
  const states: (TaskState | undefined)[] = [];
  let cancelled: Promise<Task> | undefined;
  for await (const { payload } of client.resubscribeTask({ tenant: "", id })) {
    if (payload?.$case === "artifactUpdate")
      cancelled ??= client.cancelTask({ tenant: "", id, metadata: undefined });
    if (payload?.$case === "statusUpdate") states.push(payload.value.status?.state);
  }
  assert.equal((await cancelled)?.status?.state, TaskState.TASK_STATE_CANCELED);
  assert.equal(states.at(-1), TaskState.TASK_STATE_CANCELED);
  await assert.rejects(client.cancelTask({ tenant: "", id, metadata: undefined }), /ended/);
  await assert.rejects(async () => {
    for await (const _event of client.resubscribeTask({ tenant: "", id })) assert.fail("an event");
  }, /ended/);
  const again = await registry.client.coder.get(contextId).turns();
  assert.equal(again.length, 1);
});

const post = async (body: unknown, headers: Record<string, string> = {}, path = "/a2a") =>
  await fetch(new URL(path, url), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
const v03 = (method: string, params: unknown) => ({ jsonrpc: "2.0", id: 1, method, params });
const v03Message = (text: string) => ({
  message: { kind: "message", role: "user", messageId: crypto.randomUUID(), parts: [{ kind: "text", text }] },
});

test("version 0.3 is served at the same address", async () => {
  const card = (await (await fetch(new URL("/.well-known/agent-card.json", url))).json()) as Record<
    string,
    unknown
  >;
  assert.deepEqual([card["protocolVersion"], card["url"]], ["0.3.0", `${url}/a2a`]);
  const sent = await post(v03("message/send", v03Message("Note it without asking")));
  const { result } = (await sent.json()) as {
    result: { kind: string; id: string; status: { state: string } };
  };
  assert.deepEqual([result.kind, result.status.state], ["task", "completed"]);
  const got = await post(v03("tasks/get", { id: result.id }));
  assert.equal(((await got.json()) as { result: { id: string } }).result.id, result.id);
  const streamed = await post(v03("message/stream", v03Message("Note it without asking")));
  const text = await streamed.text();
  assert.match(text, /"kind":"artifact-update"/);
  assert.match(text, /"state":"completed"/);
});

test("bad requests are refused, and callers who may not call", async () => {
  const error = async (response: Response) => {
    const body = (await response.json()) as { error?: { code: number }; code?: string };
    return `${response.status} ${body.error?.code ?? body.code}`;
  };
  const version = { "a2a-version": "1.0" };
  assert.equal(await error(await post("{", version)), "200 -32602");
  assert.equal(await error(await post(v03("tasks/get", { id: "none" }))), "200 -32001");
  assert.equal(await error(await post(v03("Nothing", {}), version)), "200 -32601");
  assert.equal(await error(await post(v03("GetTask", { id: "x" }), { "a2a-version": "9.0" })), "200 -32009");
  assert.equal(
    await error(await post("x".repeat(a2aLimits.maxRequestBytes + 1), version)),
    "413 request_too_large",
  );
  assert.equal(await error(await fetch(new URL("/a2a", url))), "405 method_not_allowed");
  assert.equal(await error(await post({}, version, "/other")), "404 not_found");
  await assert.rejects(client.getTask({ tenant: "", id: "none" }), /There is no task/);
  await assert.rejects(
    send("hello", { contextId: "x".repeat(a2aLimits.maxContextIdBytes + 1) }),
    /contextId/,
  );
  await assert.rejects(send(" "), /invalid_prompt/);
  const file = { content: { $case: "url" as const, value: "http://127.0.0.1/secret" }, metadata: undefined };
  await assert.rejects(send("", { parts: [{ ...file, filename: "", mediaType: "" }] }), /unsupported_part/);
  const guard = v03("message/send", v03Message("Note it without asking"));
  const refused = await post(guard, {}, "/guarded");
  assert.equal(refused.headers.get("www-authenticate"), "Bearer");
  assert.equal(await error(refused), "401 unauthorized");
  assert.equal(
    await error(await post(v03("message/stream", guard.params), {}, "/guarded")),
    "401 unauthorized",
  );
  const allowed = await post(guard, { authorization: "Bearer ann" }, "/guarded");
  assert.equal(((await allowed.json()) as { result: { kind: string } }).result.kind, "task");
  const card = await fetch(new URL("/guarded/.well-known/agent-card.json", url), { headers: version });
  assert.deepEqual(((await card.json()) as { securityRequirements: unknown }).securityRequirements, [
    { schemes: { bearer: {} } },
  ]);
  for (const wrong of [{ agent: "none" }, { name: "" }, { path: "a2a" }, { publicUrl: "x" }])
    assert.throws(() => a2a(registry, { agent: "coder", name: "Coder", ...about, ...wrong }), {
      code: "invalid_definition",
    });
});
