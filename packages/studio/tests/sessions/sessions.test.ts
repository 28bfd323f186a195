import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { StudioClient, TaskView } from "../../src/index.ts";
import {
  makeRepository,
  mentions,
  needsJail,
  readLog,
  ServerProcess,
  shareStudio,
  temporaryFolder,
  untilEvent,
  Watch,
} from "../support.ts";

const sharedStudio = shareStudio();

async function createFixture(t: TestContext, prompt: string) {
  const repository = makeRepository(temporaryFolder(t));
  const { client } = await sharedStudio();
  const { id } = await client.organization.createTask({ repository, agent: "demo", prompt });
  const watch = await Watch.open(client, id);
  t.after(() => watch.close());
  return { client, task: client.task(id), watch };
}

function sessionOf(view: TaskView, id: string) {
  const session = view.sessions.find((each) => each.id === id);
  if (session === undefined) throw new Error(`no session ${id}`);
  return session;
}

/** Resolves when a session of the task stands like this. */
function untilSession(watch: Watch, id: string, status: string): Promise<TaskView> {
  return watch.until(
    (view) => view.sessions.some((each) => each.id === id && each.status === status),
    status,
  );
}

const isPrompt = ({ body }: { readonly body: object }) => JSON.stringify(body).includes("session/prompt");

async function promptsOf(client: StudioClient, sessionId: string): Promise<readonly string[]> {
  const log = await readLog(client, sessionId);
  return log.flatMap(({ body }) => (body.type === "prompt" ? [body.text] : []));
}

describe("the sessions of a task", () => {
  test("work side by side in one workspace, and a stop of one leaves the others alone", async (t) => {
    if (!needsJail(t)) return;
    const { client, task, watch } = await createFixture(t, "hang");
    const first = watch.latest.sessionId;
    await untilEvent(client, first, isPrompt);
    const prompt = 'write "two" to two.txt without asking';
    const second = await task.startSession({ agent: "demo", prompt });
    assert.equal(second.name, "demo 2");
    const view = await untilSession(watch, second.id, "idle");
    // The first one still hangs, so that the task as a whole works.
    assert.deepEqual(
      [sessionOf(view, first).status, view.status, view.openSessions],
      ["running", "running", 2],
    );
    assert.deepEqual(
      (await task.diff()).files.map(({ path }) => path),
      ["two.txt"],
    );
    assert.deepEqual(await promptsOf(client, first), ["hang"]);
    assert.deepEqual(await promptsOf(client, second.id), [prompt]);
    await task.prompt("hang", { session: second.id });
    await untilEvent(client, second.id, (event) => isPrompt(event) && JSON.stringify(event).includes("hang"));
    const before = performance.now();
    await task.stop({ session: first });
    assert.ok(performance.now() - before < 5_000, "the stop waited for the other session");
    const after = await task.get();
    assert.deepEqual(
      [sessionOf(after, first).status, sessionOf(after, second.id).status, after.status],
      ["stopped", "running", "running"],
    );
    // Without a choice, everything stops.
    await task.stop();
    assert.equal(sessionOf(await task.get(), second.id).status, "stopped");
  });

  test("ask for themselves: the answer, the inbox and the mark of what was read are those of one session", async (t) => {
    if (!needsJail(t)) return;
    const { client, task, watch } = await createFixture(t, 'write "one" to one.txt without asking');
    const first = watch.latest.sessionId;
    await untilSession(watch, first, "idle");
    const prompt = 'add a line "two" to the README';
    const second = await task.startSession({ agent: "demo", name: "second", prompt });
    const asked = await untilSession(watch, second.id, "waiting");
    assert.deepEqual([asked.status, sessionOf(asked, first).status], ["waiting", "idle"]);
    assert.deepEqual(sessionOf(asked, first).approvals, []);
    assert.equal(asked.approvals.length, 1);
    const { id: person } = await client.organization.me();
    const inbox = client.inbox(person);
    const asks = async () => (await inbox.list()).entries.find(({ kind }) => kind === "asks");
    const listed = Promise.withResolvers<void>();
    const following = await inbox.on("changed", ({ entries }) => {
      if (entries.some(({ kind }) => kind === "asks")) listed.resolve();
    });
    if ((await asks()) === undefined) await listed.promise;
    await following.close();
    assert.deepEqual((await asks())?.task?.session, { id: second.id, name: "second" });
    await watch.answer("allow_once");
    const done = await untilSession(watch, second.id, "idle");
    assert.equal(done.status, "idle");
    const { attentionAt } = sessionOf(done, second.id);
    assert.ok(attentionAt > sessionOf(done, first).attentionAt);
    assert.deepEqual(await task.seenSessions(), {});
    await task.markSession(second.id);
    const seen = await task.seenSessions();
    assert.deepEqual(Object.keys(seen), [second.id]);
    assert.ok((seen[second.id] ?? 0) >= attentionAt);
  });

  test("are found by their text, and go with the task", async (t) => {
    if (!needsJail(t)) return;
    const { client, task, watch } = await createFixture(t, 'write "one" to one.txt without asking');
    const first = watch.latest.sessionId;
    await untilSession(watch, first, "idle");
    const prompt = 'write "x" to heliotrope.txt without asking';
    const second = await task.startSession({ agent: "demo", prompt });
    await untilSession(watch, second.id, "idle");
    const { organization } = client;
    const find = async () => (await organization.listTasks({ search: "heliotrope" })).tasks.length;
    while ((await find()) === 0) await new Promise(setImmediate);
    const { transcriptBytes } = await organization.taskStorage(watch.id);
    const sizes = await Promise.all([first, second.id].map((id) => readLog(client, id)));
    const least = Math.max(...sizes.map((log) => JSON.stringify(log).length));
    assert.ok(transcriptBytes > least, "both transcripts are counted");
    await organization.deleteTask(watch.id);
    for (const id of [first, second.id])
      await assert.rejects(client.session(id).events({ after: 0 }), (e) =>
        isErrorCode(e, "actor", "not_found"),
      );
  });

  test("are named, closed and only read from then on", async (t) => {
    if (!needsJail(t)) return;
    const { client, task, watch } = await createFixture(t, "hang");
    const first = watch.latest.sessionId;
    const refused = (work: Promise<unknown>, code: string) =>
      assert.rejects(work, (error) => isErrorCode(error, "task", code));
    await untilEvent(client, first, isPrompt);
    await refused(task.closeSession(first), "session_busy");
    await task.stop();
    await refused(task.closeSession(first), "last_session");
    await refused(task.startSession({ agent: "demo", name: " " }), "invalid_input");
    await refused(task.startSession({ agent: "demo", prompt: " " }), "empty_prompt");
    await assert.rejects(task.startSession({ agent: "nobody" }), (e) => isErrorCode(e, "agent", "not_found"));
    const second = await task.startSession({ agent: "demo" });
    assert.deepEqual([second.status, second.name], ["idle", "demo 2"]);
    await task.renameSession(second.id, " tests ");
    await task.closeSession(first);
    await task.closeSession(first);
    const view = await task.get();
    assert.equal(sessionOf(view, second.id).name, "tests");
    assert.equal(typeof sessionOf(view, first).closedAt, "number");
    assert.equal(view.openSessions, undefined);
    await refused(task.prompt("more", { session: first }), "session_closed");
    await refused(task.prompt("more", { session: "unknown" }), "session_not_found");
    assert.deepEqual(await promptsOf(client, first), ["hang"]);
    // What names no session goes to the first one that is open.
    const prompt = 'write "x" to x.txt without asking';
    await task.prompt(prompt);
    // It is idle before as well.
    await untilEvent(client, second.id, isPrompt);
    await untilSession(watch, second.id, "idle");
    assert.deepEqual(await promptsOf(client, second.id), [prompt]);
    for (let open = 1; open < 8; open++) await task.startSession({ agent: "demo" });
    await refused(task.startSession({ agent: "demo" }), "too_many_sessions");
  });

  test("go on after kill -9 in the middle of their turns, each with its own prompts", async (t) => {
    if (!needsJail(t)) return;
    const folder = temporaryFolder(t);
    const repository = makeRepository(folder);
    const data = join(folder, "data");
    const server = await ServerProcess.start(t, data);
    const first = 'slowly write "one" to one.txt without asking';
    const { id } = await server.client.organization.createTask({ repository, agent: "demo", prompt: first });
    const task = server.client.task(id);
    const { sessionId } = await task.get();
    const prompts = [
      'slowly write "two" to two.txt without asking',
      'write "three" to three.txt without asking',
    ];
    const second = await task.startSession({ agent: "demo", prompt: prompts[0] ?? "" });
    await task.prompt(prompts[1] ?? "", { session: second.id });
    await Promise.all([
      untilEvent(server.client, sessionId, isPrompt),
      untilEvent(server.client, second.id, isPrompt),
    ]);
    await server.kill();
    const next = await ServerProcess.start(t, data, server.cookie);
    const watch = await Watch.open(next.client, id);
    t.after(() => watch.close());
    const view = await watch.status("idle", "failed");
    assert.deepEqual(
      view.sessions.map(({ status }) => status),
      ["idle", "idle"],
    );
    assert.deepEqual(await promptsOf(next.client, second.id), prompts);
    assert.deepEqual(
      (await next.client.task(id).diff()).files.map(({ path }) => path),
      ["one.txt", "three.txt", "two.txt"],
    );
    const log = await readLog(next.client, second.id);
    assert.equal(log.filter((event) => mentions(event, "three.txt")).length > 0, true);
    await next.stop();
  });
});
