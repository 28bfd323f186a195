import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { AttemptChecksView, AttemptInput } from "../../src/contract.ts";
import type { TaskView } from "../../src/index.ts";
import { commit, environmentFile } from "../environments/support.ts";
import {
  makeRepository,
  needsJail,
  readLog,
  ServerProcess,
  sh,
  shareStudio,
  temporaryFolder,
  untilEvent,
  Watch,
} from "../support.ts";

const sharedStudio = shareStudio();

async function createFixture(t: TestContext) {
  const repository = makeRepository(temporaryFolder(t));
  const { client, dataDirectory } = await sharedStudio();
  return {
    ...{ client, repository },
    async create(prompt: string, attempts: readonly (string | AttemptInput)[]) {
      const { id } = await client.organization.createTask({ repository, agent: "demo", attempts, prompt });
      const watch = await Watch.open(client, id);
      t.after(() => watch.close());
      return { task: client.task(id), watch, copies: join(dataDirectory, "tasks", id, "copies") };
    },
  };
}

const namesOf = (view: TaskView) => view.sessions.map(({ name }) => name);
const idsOf = (view: TaskView) => view.sessions.map(({ id }) => id);
const pathsOf = ({ files }: { readonly files: readonly { readonly path: string }[] }) =>
  files.map(({ path }) => path);
const isPrompt = ({ body }: { readonly body: object }) => JSON.stringify(body).includes("session/prompt");
const refused = (work: Promise<unknown>, code: string) =>
  assert.rejects(work, (error) => isErrorCode(error, "task", code));

describe("the attempts of a task", () => {
  test("work in copies of their own; the work of the one that is kept becomes the task's", async (t) => {
    if (!needsJail(t)) return;
    const { client, repository, create } = await createFixture(t);
    const { task, watch, copies } = await create('write "x" to first.txt without asking', ["demo", "demo"]);
    assert.deepEqual(namesOf(watch.latest), ["demo", "demo 2", "demo 3"]);
    const listed = await client.organization.listTasks();
    assert.deepEqual(
      listed.tasks.filter(({ id }) => id === watch.id).map((each) => [each.attempts, each.openSessions]),
      [[3, 3]],
    );
    const view = await watch.status("idle", "failed");
    const [first = "", second = "", third = ""] = idsOf(view);
    await task.prompt('write "y" to second.txt without asking', { session: second });
    await task.prompt("crash", { session: third });
    const ended = await watch.until(
      ({ sessions }) => sessions[1]?.status === "idle" && sessions[2]?.status === "failed",
      "the ends of the attempts",
    );
    assert.equal(ended.sessions[0]?.status, "idle", "the failure of one attempt is its own");
    assert.deepEqual(pathsOf(await task.diff()), ["first.txt"]);
    assert.deepEqual(pathsOf(await task.attemptDiff(first)), ["first.txt"]);
    assert.deepEqual(pathsOf(await task.attemptDiff(second)), ["first.txt", "second.txt"]);
    assert.deepEqual(pathsOf(await task.attemptDiff(third)), ["first.txt"]);
    const sizes = await task.attemptStorage();
    assert.deepEqual(Object.keys(sizes), [first, second, third]);
    await refused(task.keepAttempt("unknown"), "session_not_found");

    const freed = await task.keepAttempt(second);
    assert.ok(
      freed.bytes > 0 && freed.bytes <= (sizes[first]?.bytes ?? 0) + (sizes[third]?.bytes ?? 0) + 200_000,
    );
    assert.deepEqual(pathsOf(await task.diff()), ["first.txt", "second.txt"]);
    assert.equal(existsSync(join(copies, second)) || existsSync(join(copies, third)), false);
    const kept = await task.get();
    assert.deepEqual(
      kept.sessions.map(({ closedAt, isCopy }) => [closedAt !== undefined, isCopy]),
      [
        [true, undefined],
        [false, undefined],
        [true, undefined],
      ],
    );
    assert.deepEqual([kept.attempts, kept.openSessions], [undefined, undefined]);
    await refused(task.keepAttempt(second), "no_attempts");
    // The agent goes on in what has become the task's workspace, and remembers.
    await task.prompt('write "z" to third.txt without asking');
    await watch.until(({ sessions }) => sessions[1]?.status === "running", "the next turn");
    await watch.status("idle");
    const started = (await readLog(client, second)).flatMap(({ body }) =>
      body.type === "agent-started" ? [body.resumed] : [],
    );
    assert.deepEqual(started, ["new", "native"]);
    const applied = await task.apply();
    assert.equal(
      sh(repository, "show", "--name-only", "--format=", applied.branch),
      "first.txt\nsecond.txt\nthird.txt",
    );
  });

  test("that still work are stopped when another one is kept, and one that is closed leaves no files", async (t) => {
    if (!needsJail(t)) return;
    const { client, create } = await createFixture(t);
    const { task, watch, copies } = await create('write "x" to first.txt without asking', ["demo", "demo"]);
    const [first = "", second = "", third = ""] = idsOf(await watch.status("idle"));
    await task.closeSession(third);
    assert.deepEqual(readdirSync(copies), [second]);
    await task.prompt("hang", { session: second });
    await untilEvent(client, second, (event) => isPrompt(event) && JSON.stringify(event).includes("hang"));
    await refused(task.keepAttempt(second), "session_busy");
    await task.keepAttempt(first);
    const view = await task.get();
    assert.deepEqual([view.status, view.sessions[1]?.status], ["idle", "stopped"]);
    assert.deepEqual(readdirSync(copies), []);
    assert.deepEqual(pathsOf(await task.diff()), ["first.txt"]);
    // One more, which begins where the task began.
    const prompt = 'write "y" to second.txt without asking';
    const more = await task.startSession({ agent: "demo", copy: true, prompt });
    await watch.until(({ sessions }) => sessions[3]?.status === "idle", "the new attempt");
    assert.deepEqual(pathsOf(await task.attemptDiff(more.id)), ["second.txt"]);
    assert.deepEqual(pathsOf(await task.diff()), ["first.txt"]);
  });

  test("have options of their own, are checked each in its own files, and may begin as the task's files are", async (t) => {
    if (!needsJail(t)) return;
    const { repository, create } = await createFixture(t);
    commit(repository, {
      [environmentFile]:
        'checks:\n- {name: made, run: "test ! -f bad.txt || { echo bad.txt:1: no; exit 3; }"}\n',
    });
    const attempt = { agent: "demo", options: { mode: "auto" } };
    const { task, watch } = await create('write "x" to first.txt without asking', [attempt, "demo"]);
    const view = await watch.status("idle", "failed");
    const [first = "", second = "", third = ""] = idsOf(view);
    assert.deepEqual(
      view.sessions.map(({ options }) => options),
      [undefined, { mode: "auto" }, undefined],
    );
    await task.prompt('write "y" to bad.txt without asking', { session: third });
    await watch.until(({ sessions }) => sessions[2]?.status === "running", "the next turn");
    await watch.status("idle");
    assert.deepEqual(await task.attemptChecks(), {});
    await refused(task.runAttemptChecks(["unknown"]), "session_not_found");
    const ended = Promise.withResolvers<AttemptChecksView>();
    const listening = await task.on("attemptChecksChanged", (checks) => {
      const all = Object.values(checks).flat();
      if (all.length === 3 && all.every(({ endedAt }) => endedAt !== undefined)) ended.resolve(checks);
    });
    t.after(() => listening.close());
    await task.runAttemptChecks();
    const checks = await ended.promise;
    assert.deepEqual(
      [first, second, third].map((id) => [checks[id]?.[0]?.state, checks[id]?.[0]?.reason]),
      [
        ["passed", undefined],
        ["passed", undefined],
        ["failed", "exit code 3"],
      ],
    );
    assert.equal(checks[third]?.[0]?.output.trim(), "bad.txt:1: no");
    assert.equal(checks[third]?.[0]?.tree, (await task.attemptDiff(third)).tree);

    const more = await task.startSession({
      agent: "demo",
      copy: "workspace",
      prompt: 'write "z" to more.txt without asking',
    });
    await watch.until(({ sessions }) => sessions[3]?.status === "idle", "the new attempt");
    assert.deepEqual(pathsOf(await task.attemptDiff(more.id)), ["first.txt", "more.txt"]);
    assert.deepEqual(pathsOf(await task.diff()), ["first.txt"]);
  });

  test("are refused before anything is created, unless all of their agents can start", async (t) => {
    if (!needsJail(t)) return;
    const { client, create } = await createFixture(t);
    const before = await client.organization.listTasks();
    await assert.rejects(create("x", ["codex"]), (e) => isErrorCode(e, "agent", "not_installed"));
    await refused(create("x", new Array(8).fill("demo")), "invalid_input");
    assert.deepEqual(await client.organization.listTasks(), before);
  });

  test("go on after kill -9 in the middle of their turns, and a choice that was made is completed", async (t) => {
    if (!needsJail(t)) return;
    const folder = temporaryFolder(t);
    const repository = makeRepository(folder);
    const data = join(folder, "data");
    const server = await ServerProcess.start(t, data);
    const prompt = 'slowly write "x" to first.txt without asking';
    const { id } = await server.client.organization.createTask({
      ...{ repository, agent: "demo", attempts: ["demo"], prompt },
    });
    const [first = "", second = ""] = idsOf(await server.client.task(id).get());
    await Promise.all([first, second].map((each) => untilEvent(server.client, each, isPrompt)));
    await server.kill();
    const next = await ServerProcess.start(t, data, server.cookie);
    const watch = await Watch.open(next.client, id);
    t.after(() => watch.close());
    const view = await watch.status("idle", "failed");
    assert.deepEqual(
      view.sessions.map(({ status }) => status),
      ["idle", "idle"],
    );
    for (const each of [first, second])
      assert.deepEqual(pathsOf(await next.client.task(id).attemptDiff(each)), ["first.txt"]);
    await next.client.task(id).prompt('write "y" to second.txt without asking', { session: second });
    await watch.until(({ sessions }) => sessions[1]?.status === "running", "the next turn");
    await watch.status("idle");
    // Killed at whatever point the choice has reached.
    const keeping = next.client.task(id).keepAttempt(second);
    keeping.catch(() => {});
    await watch.until(({ sessions }) => sessions[0]?.closedAt !== undefined, "the choice");
    await next.kill();
    const last = await ServerProcess.start(t, data, server.cookie);
    const again = await Watch.open(last.client, id);
    t.after(() => again.close());
    const done = await again.until(
      ({ sessions }) => sessions[1]?.isCopy === undefined,
      "the end of the choice",
    );
    assert.equal(done.attempts, undefined);
    assert.deepEqual(pathsOf(await last.client.task(id).diff()), ["first.txt", "second.txt"]);
    assert.deepEqual(readdirSync(join(data, "tasks", id, "copies")), []);
    await last.stop();
  });
});
