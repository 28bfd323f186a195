/** Groups: events of every kind start one turn each, one at a time, also across kill -9. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHmac } from "node:crypto";
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openAudit, openVault } from "@holdfast/gate";
import { createStudio, type StudioClient, type StudioOptions, studioLimits } from "../src/index.ts";
import {
  byId,
  haveEnded,
  installChannel,
  publish,
  rejectionReason,
  untilGroup,
  writeGroups,
} from "./groups-support.ts";
import { mentions, needsJail, readLog, ServerProcess, temporaryFolder, untilEvent } from "./support.ts";

const writePrompt = (name: string) => `write "x" to ${name}.txt without asking`;

async function promptsOf(client: StudioClient, sessionId: string): Promise<string[]> {
  const log = await readLog(client, sessionId);
  return log.flatMap(({ body }) => (body.type === "prompt" ? [body.text] : []));
}

async function taintedSessions(dataDirectory: string): Promise<readonly (string | undefined)[]> {
  const audit = await openAudit(dataDirectory);
  return (await audit.query({ type: "session.tainted" })).map(({ session }) => session);
}

describe("a group", () => {
  test("accepts prompts, webhooks and messages once each, and records the origin of a turn", async (t) => {
    if (!needsJail(t)) return;
    const data = join(temporaryFolder(t), "data");
    writeGroups(data, {
      home: {
        agent: "demo",
        session: "resume",
        webhooks: { ci: { secret: "hook-ci", prompt: writePrompt("hook") } },
      },
      chat: { agent: "demo", plugins: ["post"] },
      mute: { agent: "demo", events: [] },
    });
    installChannel(data, "explicit");
    await openVault(data).setSecret({ name: "hook-ci", owner: {} }, "s3cret-of-the-webhook");
    const server = await ServerProcess.start(t, data);
    const { client } = server;
    const home = client.group("home");

    const first = await home.prompt(writePrompt("one"), { id: "1" });
    assert.deepEqual([first.seq, first.duplicate, first.tainted], [1, false, false]);
    assert.equal((await home.prompt("something else", { id: "1" })).duplicate, true);
    const one = await untilGroup(client, "home", (view) => haveEnded(view, 1), "the end of the first");
    const { taskId = "", sessionId = "" } = one.events[0] ?? {};
    assert.equal(one.events[0]?.state, "done");

    const post = (headers: Record<string, string>, body = '{"build":"red"}', path = "home/ci") =>
      fetch(`${server.url}/hooks/${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body,
      });
    const bearer = { authorization: "Bearer s3cret-of-the-webhook" };
    assert.equal((await post({})).status, 401);
    assert.equal((await post({ authorization: "Bearer wrong" })).status, 401);
    assert.equal((await post(bearer, "{}", "home/other")).status, 401);
    assert.equal((await post(bearer, "{}", "nobody/ci")).status, 401);
    assert.equal((await post(bearer, "x".repeat(1024 * 1024 + 1))).status, 413);
    const taken = await post({ ...bearer, "idempotency-key": "build-7" });
    assert.equal(taken.status, 202);
    assert.deepEqual(await taken.json(), { event: 2, duplicate: false });
    const again = await post({ ...bearer, "idempotency-key": "build-7" });
    assert.deepEqual(await again.json(), { event: 2, duplicate: true });
    const body = '{"signed":true}';
    const signature = createHmac("sha256", "s3cret-of-the-webhook").update(body).digest("hex");
    assert.equal((await post({ "x-hub-signature-256": `sha256=${signature}` }, `${body} `)).status, 401);
    assert.equal((await post({ "x-hub-signature-256": `sha256=${signature}` }, body)).status, 202);
    const three = await untilGroup(client, "home", (view) => haveEnded(view, 3), "the end of the webhooks");
    assert.deepEqual(
      byId(three.events).map(({ state, taskId: of, tainted }) => [state, of, tainted]),
      [
        ["done", taskId, false],
        ["done", taskId, true],
        ["done", taskId, true],
      ],
      "a group in resume mode continues in one session",
    );
    const prompts = await promptsOf(client, sessionId);
    assert.equal(prompts.length, 3);
    assert.match(prompts[1] ?? "", /^write "x" to hook\.txt[\s\S]*BEGIN (\S+)\n\{"build":"red"\}\nEND \1$/);
    assert.ok((byId(three.events)[1]?.fromSeq ?? 0) > 0);
    const task = await client.task(taskId).get();
    assert.deepEqual(task.origin, {
      group: "home",
      topic: "webhook.received",
      source: "webhook:ci",
      event: 3,
    });
    assert.deepEqual(await taintedSessions(data), [sessionId]);

    // The plugin selects the session: a new one, then the same.
    publish(data, { group: "chat", id: "m1", body: writePrompt("m1") });
    publish(data, { group: "chat", id: "m2", body: writePrompt("m2"), reply: true });
    const nowhere = publish(data, { group: "nowhere", id: "m3", body: "lost" });
    const mute = publish(data, { group: "mute", id: "m4", body: "not taken" });
    const chat = await untilGroup(client, "chat", (view) => haveEnded(view, 2), "the end of the messages");
    const [m1, m2] = byId(chat.events);
    assert.equal(m1?.source, "plugin:post");
    assert.notEqual(m1?.taskId, taskId);
    assert.equal(m2?.taskId, m1?.taskId);
    assert.match(
      (await promptsOf(client, m1?.sessionId ?? ""))[0] ?? "",
      /A message from eve on the channel post/,
    );
    while (rejectionReason(nowhere) === undefined || rejectionReason(mute) === undefined)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.match(rejectionReason(nowhere) ?? "", /no group/);
    assert.match(rejectionReason(mute) ?? "", /does not accept message\.inbound/);
    const groups = await client.organization.listGroups();
    assert.deepEqual(
      groups.map(({ name, waiting, events }) => [name, waiting, events.length]),
      [
        ["home", 0, 3],
        ["chat", 0, 2],
        ["mute", 0, 0],
      ],
    );

    // The queue is bounded: 100 events can wait behind the one in progress.
    const queue = client.group("mute");
    await queue.prompt("hang");
    await untilGroup(client, "mute", ({ running }) => running === 1, "a turn that does not end");
    for (let n = 0; n < studioLimits.maxWaitingEvents; n++) await queue.prompt(`wait ${n}`);
    await assert.rejects(queue.prompt("too many"), { group: "group", code: "queue_full" });
    assert.equal((await queue.get()).waiting, studioLimits.maxWaitingEvents);
    await server.stop();
  });

  test("loses no event and starts none twice across repeated kills of the server", async (t) => {
    if (!needsJail(t)) return;
    const data = join(temporaryFolder(t), "data");
    writeGroups(data, { work: { agent: "demo" } });
    installChannel(data);
    let server = await ServerProcess.start(t, data);
    const seen = (count: number) => (view: { readonly events: readonly unknown[] }) =>
      view.events.length >= count;
    // Kills the server after it accepted an event, during a turn, and before it accepted one.
    publish(data, { group: "work", id: "k1", body: writePrompt("k1") });
    await untilGroup(server.client, "work", seen(1), "the first event");
    await server.kill();
    publish(data, { group: "work", id: "k1", body: writePrompt("k1") });
    publish(data, { group: "work", id: "k2", body: `slowly ${writePrompt("k2")}` });
    server = await ServerProcess.start(t, data, server.cookie);
    await untilGroup(
      server.client,
      "work",
      ({ events }) => events.some(({ seq, state }) => seq === 2 && state !== "waiting"),
      "the second turn",
    );
    publish(data, { group: "work", id: "k3", body: writePrompt("k3") });
    await server.kill();
    publish(data, { group: "work", id: "k2", body: writePrompt("k2") });
    server = await ServerProcess.start(t, data, server.cookie);
    const done = await untilGroup(server.client, "work", (view) => haveEnded(view, 3), "the end of all");
    const events = byId(done.events);
    assert.deepEqual(
      events.map(({ state, seq }) => [state, seq]),
      [
        ["done", 1],
        ["done", 2],
        ["done", 3],
      ],
    );
    assert.equal(new Set(events.map(({ taskId }) => taskId)).size, 3);
    for (const { sessionId = "" } of events)
      assert.equal((await promptsOf(server.client, sessionId)).length, 1, "a turn is begun once");
    const { tasks } = await server.client.organization.listTasks();
    assert.equal(tasks.length, 3);
    // One session at a time.
    for (const [at, { startedAt = 0 }] of events.entries())
      assert.ok(at === 0 || startedAt >= (events[at - 1]?.endedAt ?? Number.POSITIVE_INFINITY));
    await server.stop();
  });

  test("retries an event that failed to start, in its place, also after a restart", async (t) => {
    if (!needsJail(t)) return;
    const folder = temporaryFolder(t);
    const data = join(folder, "data");
    const repository = join(folder, "later");
    writeGroups(data, { work: { agent: "demo", repository } });
    const open = async () => {
      const studio = await createStudio({ dataDirectory: data, environment: { PATH: process.env.PATH } });
      t.after(() => studio.close());
      return studio;
    };
    const before = await open();
    const { seq } = await before.client.group("work").prompt(writePrompt("later"));
    await before.client.group("work").prompt(writePrompt("behind"));
    const { events } = await untilGroup(
      before.client,
      "work",
      (view) => (byId(view.events)[0]?.attempts ?? 0) >= 1,
      "an attempt that failed",
    );
    const [waits, behind] = byId(events);
    assert.deepEqual([waits?.state, waits?.error?.group], ["waiting", "repository"]);
    assert.ok((waits?.retryAt ?? 0) > (waits?.receivedAt ?? Number.POSITIVE_INFINITY));
    assert.deepEqual([behind?.state, behind?.attempts], ["waiting", undefined], "it keeps its turn");
    await before.close();

    const git = promisify(execFile);
    const author = ["-c", "user.name=Test", "-c", "user.email=test@example.com"];
    await git("git", ["init", "-q", repository]);
    await git("git", ["-C", repository, ...author, "commit", "-q", "--allow-empty", "-m", "first"]);
    const { client } = await open();
    const after = await untilGroup(client, "work", (view) => haveEnded(view, 2), "both turns");
    const [first, second] = byId(after.events);
    assert.deepEqual([first?.state, first?.error, first?.retryAt], ["done", undefined, undefined]);
    assert.ok((first?.attempts ?? 0) >= 1);
    assert.ok((second?.startedAt ?? 0) >= (first?.endedAt ?? Number.POSITIVE_INFINITY));
    const records = await (await openAudit(data)).query({ type: "group.*" });
    const { group, event, attempt, error } = records[0]?.data ?? {};
    assert.deepEqual([records[0]?.type, group, event, attempt], ["group.event_retried", "work", seq, 1]);
    assert.match(String(error), /^repository\./);
  });

  test("has its own tools, and memory at the start of a session; an invalid file is reported", async (t) => {
    if (!needsJail(t)) return;
    const { studio, dataDirectory } = await openToolAgent(t);
    const { client } = studio;
    const group = client.group("memory");
    await group.prompt("list");
    const { events } = await untilGroup(client, "memory", (view) => haveEnded(view, 1), "the first turn");
    const { taskId = "", sessionId = "" } = events[0] ?? {};
    await client.task(taskId).prompt('ipc memory_store {"type":"fact","content":"The cat is called Ada"}');
    await untilEvent(client, sessionId, (event) => mentions(event, "created_at"));
    await group.prompt("hello again");
    const memory = await untilGroup(client, "memory", (view) => haveEnded(view, 2), "the second turn");
    const crossed = async (session = "") => JSON.stringify(await readLog(client, session));
    const first = await crossed(sessionId);
    assert.match(first, /"memory_brief( memory_[a-z]+)+"/, "the tools of the group and no others");
    assert.doesNotMatch(first, /<memory>/);
    const told = byId(memory.events)[1]?.sessionId;
    assert.notEqual(told, sessionId);
    assert.match(await crossed(told), /<memory>.*The cat is called Ada.*<\/memory>\\n\\nhello again/);
    await studio.close();
    writeGroups(dataDirectory, { memory: { agent: "tools", tool: ["x"] } });
    await assert.rejects(createStudio({ dataDirectory }), {
      code: "invalid_file",
      metadata: { path: "/groups/memory/tool", problem: "unknown field" },
    });
  });

  test("commands that only inspect start no waiting event, so none of them counts as an attempt", async (t) => {
    const dataDirectory = join(temporaryFolder(t), "data");
    writeGroups(dataDirectory, { home: { agent: "demo" } });
    for (const works of [false, "new", { task: "00000000-0000-4000-8000-000000000000" }] as const) {
      const studio = await createStudio({
        dataDirectory,
        environment: {},
        runTasks: works,
        vault: { logins: false },
      });
      t.after(() => studio.close());
      const group = studio.client.group("home");
      await group.prompt(writePrompt("one"), { id: "1" });
      const { waiting, running, events } = await group.get();
      assert.deepEqual([waiting, running, events.length], [1, undefined, 1]);
      assert.deepEqual(
        [events[0]?.state, events[0]?.attempts, events[0]?.error],
        ["waiting", undefined, undefined],
      );
      await studio.close();
    }
  });

  test("a session that was lost before its first prompt still gets the group's memories", async (t) => {
    if (!needsJail(t)) return;
    // The agent is running with its session, but a prompt of more than half of its log is not sent to it.
    const { client } = (await openToolAgent(t, { maxSessionBytes: 60_000 })).studio;
    const group = client.group("memory");
    await group.prompt('ipc memory_store {"type":"fact","content":"The cat is called Ada"}');
    await untilGroup(client, "memory", (view) => haveEnded(view, 1), "the first turn");
    await group.prompt("x".repeat(31_000));
    const { events } = await untilGroup(client, "memory", (view) => haveEnded(view, 2), "the second turn");
    const { taskId = "", sessionId = "" } = byId(events)[1] ?? {};
    const begun = await readLog(client, sessionId);
    assert.ok(begun.some(({ body }) => body.type === "agent-started"));
    assert.ok(begun.some(({ body }) => body.type === "failed" && body.error.code === "log_full"));
    await client.task(taskId).prompt("hello");
    await untilEvent(client, sessionId, (event) => event.body.type === "turn-ended");
    const crossed = JSON.stringify(await readLog(client, sessionId));
    assert.match(crossed, /<memory>.*The cat is called Ada.*<\/memory>.*hello/);
  });
});

async function openToolAgent(t: TestContext, limits: StudioOptions["limits"] = {}) {
  const folder = temporaryFolder(t);
  const dataDirectory = join(folder, "data");
  writeGroups(dataDirectory, {
    memory: { agent: "tools", tools: ["memory_*"] },
  });
  const directory = join(folder, "agent");
  mkdirSync(directory);
  copyFileSync(
    fileURLToPath(new URL("./fixtures/tool-agent.mjs", import.meta.url)),
    join(directory, "agent.mjs"),
  );
  const studio = await createStudio({
    dataDirectory,
    environment: { PATH: process.env.PATH },
    vault: { logins: false },
    limits,
    customAgents: [{ id: "tools", command: "{node}", args: ["{directory}/agent.mjs"], directory }],
  });
  t.after(() => studio.close());
  return { studio, dataDirectory };
}
