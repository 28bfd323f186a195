import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isErrorCode } from "@holdfast/core";
import {
  createStudio,
  createTranscript,
  reduceTranscript,
  type SessionEvent,
  studioLimits,
  type TaskView,
} from "../src/index.ts";
import {
  makeRepository,
  mentions,
  needsJail,
  readLog,
  ServerProcess,
  sh,
  temporaryFolder,
  untilEvent,
  Watch,
} from "./support.ts";

/** When Apply is interrupted. Most of it is over after 400 ms. */
const momentsMs =
  process.env["HOLDFAST_TEST_HEAVY"] === "1" ? [60, 120, 160, 200, 240, 280, 320, 400] : [60, 140, 220, 320];

async function startTask(t: TestContext, prompt: string) {
  const folder = temporaryFolder(t);
  const repository = makeRepository(folder);
  const data = join(folder, "data");
  const server = await ServerProcess.start(t, data);
  const task = await server.client.organization.createTask({ repository, agent: "demo", prompt });
  return { repository, data, server, id: task.id };
}

/** On a busy machine, the kill can come too late; the test then starts another task. */
async function killWhileCloning(t: TestContext): ReturnType<typeof startTask> {
  for (let attempt = 1; ; attempt++) {
    const begun = await startTask(t, 'write "kept" to kept.txt without asking');
    await begun.server.kill();
    if (!existsSync(join(begun.data, "tasks", begun.id, "home"))) return begun;
    assert.ok(attempt < 20, "every kill came too late to test anything");
  }
}

/** Records from before the kill are unchanged, and the log continues without a gap. */
function assertContinues(before: readonly SessionEvent[], after: readonly SessionEvent[]): void {
  assert.deepEqual(after.slice(0, before.length), before);
  assert.ok(after.length > before.length);
}

async function finish(t: TestContext, server: ServerProcess, id: string): Promise<TaskView> {
  const watch = await Watch.open(server.client, id);
  t.after(() => watch.close());
  const view = await watch.status("idle", "failed");
  assert.equal(view.status, "idle", JSON.stringify(view.error));
  return view;
}

function ofType(log: readonly SessionEvent[], type: string): SessionEvent[] {
  return log.filter(({ body }) => body.type === type);
}

describe("kill -9 of the server", () => {
  test("while the repository is cloned: the task is created and runs once", async (t) => {
    if (!needsJail(t)) return;
    const { data, server, id } = await killWhileCloning(t);
    const next = await ServerProcess.start(t, data, server.cookie);
    const view = await finish(t, next, id);
    const log = await readLog(next.client, view.sessionId);
    assert.equal(ofType(log, "prompt").length, 1);
    assert.equal(ofType(log, "turn-ended").length, 1);
    const { files } = await next.client.task(id).diff();
    assert.deepEqual(
      files.map((file) => file.path),
      ["kept.txt"],
    );
    await next.stop();
  });

  test("in the middle of a stream, twice: no gap, and the agent resumes its session itself", async (t) => {
    if (!needsJail(t)) return;
    const started = await startTask(t, 'slowly write "kept" to kept.txt without asking');
    let { server } = started;
    const { sessionId } = await server.client.task(started.id).get();
    let seen = 0;
    for (let round = 1; round <= 2; round++) {
      // Replayed messages during a session load do not count.
      let startedAt = Number.POSITIVE_INFINITY;
      await untilEvent(server.client, sessionId, (event) => {
        if (event.seq > seen && event.body.type === "agent-started") startedAt = event.seq;
        return event.seq > startedAt && mentions(event, "slowly");
      });
      const before = await readLog(server.client, sessionId);
      seen = before.length;
      await server.kill();
      server = await ServerProcess.start(t, started.data, server.cookie);
      await untilEvent(server.client, sessionId, ({ body }) => body.type === "interrupted");
      assertContinues(before, await readLog(server.client, sessionId));
    }
    await finish(t, server, started.id);
    const log = await readLog(server.client, sessionId);
    assert.deepEqual(
      ofType(log, "agent-started").map(({ body }) => (body.type === "agent-started" ? body.resumed : "")),
      ["new", "native", "native"],
    );
    assert.equal(ofType(log, "prompt").length, 1);
    assert.equal(ofType(log, "interrupted").length, 2);
    assert.equal(ofType(log, "turn-ended").length, 1);
    assert.equal(reduceTranscript(createTranscript(), log).running, false);
    assert.equal((await server.client.task(started.id).diff()).files[0]?.path, "kept.txt");
    await server.stop();
  });

  test("and then commands that only inspect: they resume nothing, so none counts as an attempt", async (t) => {
    if (!needsJail(t)) return;
    const { data, server, id } = await startTask(t, "hang");
    const { sessionId } = await server.client.task(id).get();
    await untilEvent(server.client, sessionId, ({ body }) => JSON.stringify(body).includes("session/prompt"));
    await server.kill();
    for (let look = 1; look <= studioLimits.maxAttempts; look++) {
      const studio = await createStudio({ dataDirectory: data, environment: {}, runTasks: false });
      assert.equal((await studio.client.task(id).get()).status, "running");
      await studio.close();
    }
    const next = await ServerProcess.start(t, data, server.cookie);
    let starts = 0;
    await untilEvent(next.client, sessionId, ({ body }) => {
      if (body.type === "agent-started") starts += 1;
      return starts > 1 || body.type === "failed";
    });
    assert.equal(ofType(await readLog(next.client, sessionId), "failed").length, 0);
    await next.client.task(id).stop();
    await next.stop();
  });

  test("and then other work of the owner: a new task or a stop of another one resumes nothing", async (t) => {
    if (!needsJail(t)) return;
    const { repository, data, server, id } = await startTask(t, "hang");
    const { sessionId } = await server.client.task(id).get();
    await untilEvent(server.client, sessionId, ({ body }) => JSON.stringify(body).includes("session/prompt"));
    const other = await server.client.organization.createTask({ repository, agent: "demo", prompt: "hang" });
    await server.kill();
    const studio = await createStudio({ dataDirectory: data, environment: {}, runTasks: "new" });
    const prompt = 'write "kept" to kept.txt without asking';
    const task = await studio.client.organization.createTask({ repository, agent: "demo", prompt });
    const watch = await Watch.open(studio.client, task.id);
    await watch.status("idle", "failed");
    assert.equal(watch.latest.status, "idle");
    await watch.close();
    await studio.close();
    const stopping = await createStudio({
      dataDirectory: data,
      environment: {},
      runTasks: { task: other.id },
    });
    await stopping.client.task(other.id).stop();
    assert.equal((await stopping.client.task(other.id).get()).status, "stopped");
    const log = await readLog(stopping.client, sessionId);
    assert.deepEqual([ofType(log, "agent-started").length, ofType(log, "interrupted").length], [1, 0]);
    await stopping.close();
  });

  test("while an approval waits: the old question is settled and the new one can be answered", async (t) => {
    if (!needsJail(t)) return;
    const { data, server, id } = await startTask(t, 'add a line "kept" to the README');
    const first = await Watch.open(server.client, id);
    const asked = await first.status("waiting");
    const old = asked.approvals[0]?.id ?? "";
    const before = await readLog(server.client, asked.sessionId);
    await server.kill();
    const next = await ServerProcess.start(t, data, server.cookie);
    // The agent that asked is dead: the answer is refused, whether or not the question is still shown.
    await assert.rejects(
      next.client.task(id).answer(old, asked.approvals[0]?.options[0]?.id ?? ""),
      (error) =>
        isErrorCode(error, "approval", "agent_gone") || isErrorCode(error, "approval", "already_settled"),
    );
    const watch = await Watch.open(next.client, id);
    await watch.until((view) => view.approvals.some((approval) => approval.id !== old), "a new question");
    assert.equal(watch.latest.approvals.length, 1);
    await watch.answer("allow_once");
    await watch.status("idle");
    const log = await readLog(next.client, asked.sessionId);
    assertContinues(before, log);
    const settled = ofType(log, "approval-settled").map(({ body }) =>
      body.type === "approval-settled" ? body.outcome : "",
    );
    assert.deepEqual(settled, ["cancelled", "allowed"]);
    assert.deepEqual(reduceTranscript(createTranscript(), log).pendingApprovals, []);
    assert.equal((await next.client.task(id).diff()).files[0]?.additions, 1);
    await watch.close();
    await next.stop();
  });

  test("inside apply, at many moments: one branch at the end, and the user's tree unchanged", async (t) => {
    if (!needsJail(t)) return;
    const { data, repository, server, id } = await startTask(t, 'write "kept" to kept.txt without asking');
    await finish(t, server, id);
    let current = server;
    const status = sh(repository, "status", "--porcelain", "--branch");
    let cut = 0;
    for (const ms of momentsMs) {
      for (const branch of branches(repository)) sh(repository, "branch", "-D", branch);
      const applying = current.client
        .task(id)
        .apply()
        .then(
          () => true,
          () => false,
        );
      await delay(ms);
      await current.kill();
      if (!(await applying)) cut += 1;
      current = await ServerProcess.start(t, data, server.cookie);
      const applied = await current.client.task(id).apply();
      assert.deepEqual(branches(repository), [applied.branch], `killed after ${ms} ms`);
      assert.equal(sh(repository, "show", `${applied.branch}:kept.txt`), "kept");
      assert.equal(sh(repository, "status", "--porcelain", "--branch"), status);
      execFileSync("git", ["fsck", "--strict"], { cwd: repository, stdio: "pipe" });
    }
    assert.ok(cut > 0, "no kill came inside apply");
    await current.stop();
  });

  test("leaves no jail process behind", async (t) => {
    if (!needsJail(t)) return;
    const { server, id } = await startTask(t, "slowly count");
    const { sessionId } = await server.client.task(id).get();
    await untilEvent(server.client, sessionId, (event) => mentions(event, "slowly"));
    const marked = () => processesOfTask(id);
    assert.ok(marked().length > 0);
    await server.kill();
    const deadline = Date.now() + 30_000;
    while (marked().length > 0 && Date.now() < deadline) await delay(50);
    assert.deepEqual(marked(), []);
  });
});

function branches(repository: string): string[] {
  const text = sh(repository, "branch", "--list", "holdfast*", "--format=%(refname:short)");
  return text === "" ? [] : text.split("\n");
}

/** Lists processes with a mount of the task's folders, from the kernel's mount tables. */
function processesOfTask(taskId: string): string[] {
  const script = `for f in /proc/[0-9]*/mountinfo; do grep -q '${taskId}' "$f" 2>/dev/null && echo "$f"; done; true`;
  return execFileSync("/bin/sh", ["-c", script], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");
}
