import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isErrorCode } from "@holdfast/core";
import {
  createStudio,
  createTranscript,
  reduceTranscript,
  type Studio,
  type StudioOptions,
} from "../src/index.ts";
import { customAgent, oddAgents } from "./fixtures/odd-agents.ts";
import {
  makeRepository,
  mentions,
  needsJail,
  readLog,
  sh,
  shareStudio,
  temporaryFolder,
  untilEvent,
  Watch,
} from "./support.ts";

interface Fixture {
  readonly studio: Studio;
  readonly repository: string;
  readonly folder: string;
  startTask(prompt: string, agent?: string): Promise<Watch>;
}

/** A Studio of a case that has options of its own, or looks at all of its tasks. */
async function createFixture(t: TestContext, options: Partial<StudioOptions> = {}): Promise<Fixture> {
  const studio = await openStudio(options);
  t.after(() => studio.close());
  return fixtureOf(t, studio);
}

const sharedStudio = shareStudio(() => ({ customAgents: oddAgents() }));

/** The Studio that the other cases share, each with a repository of its own. */
async function sharedFixture(t: TestContext): Promise<Fixture> {
  return fixtureOf(t, await sharedStudio());
}

const limitedStudio = shareStudio(() => ({ limits: { maxSessionBytes: 60_000, approvalTtlMs: 700 } }));

/** The same, with low limits. */
async function limitedFixture(t: TestContext): Promise<Fixture> {
  return fixtureOf(t, await limitedStudio());
}

function openStudio(options: Partial<StudioOptions>): Promise<Studio> {
  return createStudio({
    dataDirectory: join(temporaryFolder(), "data"),
    environment: { PATH: process.env.PATH },
    vault: { logins: false },
    ...options,
  });
}

function fixtureOf(t: TestContext, studio: Studio): Fixture {
  const folder = temporaryFolder(t);
  const repository = makeRepository(folder);
  return {
    studio,
    repository,
    folder,
    async startTask(prompt, agent = "demo") {
      const task = await studio.client.organization.createTask({ repository, agent, prompt });
      const watch = await Watch.open(studio.client, task.id);
      t.after(() => watch.close());
      return watch;
    },
  };
}

describe("a task that continues without a jail", () => {
  test("is marked as unsafe, until it runs in a jail again", async (t) => {
    if (!needsJail(t)) return;
    const folder = temporaryFolder(t);
    const repository = makeRepository(folder);
    const dataDirectory = join(folder, "data");
    const environment = { PATH: process.env.PATH };
    const seen: boolean[] = [];
    let id: string | undefined;
    for (const unsafeNoJail of [false, true, false]) {
      const studio = await createStudio({
        ...{ dataDirectory, environment, unsafeNoJail, vault: { logins: false } },
      });
      t.after(() => studio.close());
      const prompt = 'write "x" to x.txt without asking';
      if (id === undefined)
        ({ id } = await studio.client.organization.createTask({ repository, agent: "demo", prompt }));
      else await studio.client.task(id).prompt(prompt);
      const watch = await Watch.open(studio.client, id);
      seen.push((await watch.status("idle", "failed")).unsafe);
      await watch.close();
      await studio.close();
    }
    assert.deepEqual(seen, [false, true, false]);
  });
});

describe("a task with the demo agent in a jail", () => {
  test("runs from prompt to branch and leaves the user's files unchanged", async (t) => {
    if (!needsJail(t)) return;
    const { studio, repository, startTask } = await sharedFixture(t);
    const line = `line ${Math.random().toString(36).slice(2)}`;
    const watch = await startTask(`add a line "${line}" to the README`);
    await watch.status("waiting");
    assert.equal(watch.latest.approvals[0]?.title, "Edit README.md");
    await watch.answer("allow_once");
    const view = await watch.status("idle", "failed");
    assert.equal(view.status, "idle");
    assert.equal(view.unsafe, false);

    const task = studio.client.task(watch.id);
    const diff = await task.diff();
    assert.deepEqual(
      diff.files.map(({ path, status, additions, deletions }) => ({ path, status, additions, deletions })),
      [{ path: "README.md", status: "modified", additions: 1, deletions: 0 }],
    );
    writeFileSync(join(repository, "README.md"), "my own unsaved work\n");
    const before = [
      sh(repository, "status", "--porcelain"),
      sh(repository, "rev-parse", "HEAD"),
      sh(repository, "branch"),
    ];
    const applied = await task.apply();
    assert.deepEqual(await task.apply(), applied);
    assert.equal(sh(repository, "show", `${applied.branch}:README.md`), `# Hi\n${line}`);
    assert.equal(readFileSync(join(repository, "README.md"), "utf8"), "my own unsaved work\n");
    sh(repository, "branch", "-D", applied.branch);
    const after = [
      sh(repository, "status", "--porcelain"),
      sh(repository, "rev-parse", "HEAD"),
      sh(repository, "branch"),
    ];
    assert.deepEqual(after, before);

    const log = await readLog(studio.client, view.sessionId, 7);
    assert.deepEqual(await readLog(studio.client, view.sessionId), log);
    const transcript = reduceTranscript(createTranscript(), log);
    assert.equal(transcript.running, false);
    assert.deepEqual(transcript.pendingApprovals, []);
    assert.ok(transcript.items.some((item) => item.type === "tool" && item.title === "Edit README.md"));
    assert.ok(transcript.plan.length > 0);
    const { tasks } = await studio.client.organization.listTasks({ limit: 1 });
    assert.deepEqual(
      tasks.map(({ id, status }) => ({ id, status })),
      [{ id: watch.id, status: "idle" }],
    );
  });

  test("changes nothing when the user denies, and an answer counts once", async (t) => {
    if (!needsJail(t)) return;
    const { studio, startTask } = await sharedFixture(t);
    const watch = await startTask('add a line "no" to the README');
    const asked = await watch.status("waiting");
    const approval = asked.approvals[0];
    assert.ok(approval);
    const task = studio.client.task(watch.id);
    await assert.rejects(task.answer(approval.id, "never offered"), (e) =>
      isErrorCode(e, "approval", "invalid_option"),
    );
    await assert.rejects(task.answer("unknown", "x"), (e) => isErrorCode(e, "approval", "not_found"));
    await watch.answer("reject_once");
    const again = task.answer(approval.id, approval.options[0]?.id ?? "");
    await assert.rejects(again, (e) => isErrorCode(e, "approval", "already_settled"));
    await watch.status("idle");
    assert.deepEqual((await task.diff()).files, []);
    await assert.rejects(task.apply(), (e) => isErrorCode(e, "apply", "nothing_to_apply"));
  });

  test("runs prompts one after the other, in order", async (t) => {
    if (!needsJail(t)) return;
    const { studio, startTask } = await sharedFixture(t);
    const watch = await startTask('slowly write "one" to one.txt without asking');
    const task = studio.client.task(watch.id);
    await task.prompt('write "two" to two.txt without asking');
    await task.prompt('write "three" to three.txt without asking');
    await watch.status("idle");
    const log = await readLog(studio.client, watch.latest.sessionId);
    const order = log
      .map(({ body }) => (body.type === "prompt" ? body.text : body.type === "turn-ended" ? "end" : ""))
      .filter((each) => each !== "");
    assert.deepEqual(order, [
      'slowly write "one" to one.txt without asking',
      "end",
      'write "two" to two.txt without asking',
      "end",
      'write "three" to three.txt without asking',
      "end",
    ]);
    const paths = (await task.diff()).files.map((file) => file.path);
    assert.deepEqual(paths, ["one.txt", "three.txt", "two.txt"]);
    assert.equal(log.filter(({ body }) => body.type === "agent-started").length, 1);
  });

  test("shows a repository that the agent created in the workspace, and no ignored files", async (t) => {
    if (!needsJail(t)) return;
    const { studio, startTask } = await sharedFixture(t);
    const script = [
      "mkdir -p inner/deep ignored/x",
      "printf a > inner/a.txt",
      "git init -q inner/deep",
      "printf b > inner/deep/b.txt",
      "git init -q inner",
      "git init -q ignored/x",
      "printf secret > ignored/x/c.txt",
      "printf 'ignored/\\n' > .gitignore",
      "git config core.fsmonitor 'touch /tmp/evil'",
    ].join(" && ");
    const watch = await startTask(`run \`${script}\` without asking`);
    await watch.status("idle");
    const diff = await studio.client.task(watch.id).diff();
    assert.deepEqual(
      diff.files.map(({ path, status }) => `${status} ${path}`),
      ["added .gitignore", "added inner/a.txt", "added inner/deep/b.txt"],
    );
  });
});

describe("stopping", () => {
  for (const prompt of ["slowly count", "hang", 'add a line "x" to the README']) {
    test(`ends the turn: ${prompt}`, async (t) => {
      if (!needsJail(t)) return;
      const { studio, startTask } = await sharedFixture(t);
      const watch = await startTask(prompt);
      if (prompt.startsWith("add")) await watch.status("waiting");
      else
        await untilEvent(studio.client, watch.latest.sessionId, ({ body }) =>
          JSON.stringify(body).includes("session/prompt"),
        );
      const task = studio.client.task(watch.id);
      await task.stop();
      const view = await task.get();
      assert.equal(view.status, "stopped");
      assert.deepEqual(view.approvals, []);
      await task.stop();
      // A stop does not wait for a slow disk.
      await untilEvent(studio.client, view.sessionId, ({ body }) => body.type === "turn-ended");
      const log = await readLog(studio.client, view.sessionId);
      assert.equal(log.filter(({ body }) => body.type === "turn-ended").length, 1);
      await task.prompt('write "after" to after.txt without asking');
      await watch.status("idle");
      assert.deepEqual(
        (await task.diff()).files.map((file) => file.path),
        ["after.txt"],
      );
      const started = (await readLog(studio.client, view.sessionId)).flatMap(({ body }) =>
        body.type === "agent-started" ? [body.resumed] : [],
      );
      assert.deepEqual(started, ["new", "native"]);
    });
  }

  test("ends a frozen jail", async (t) => {
    if (!needsJail(t)) return;
    const { studio, startTask } = await sharedFixture(t);
    const watch = await startTask("freeze", "cold");
    await untilEvent(studio.client, watch.latest.sessionId, (event) => mentions(event, "freezing"));
    while (!isFrozen()) await delay(50);
    const before = performance.now();
    await studio.client.task(watch.id).stop();
    assert.ok(performance.now() - before < 10_000, "the stop waited for the jail");
    const view = await studio.client.task(watch.id).get();
    assert.deepEqual([view.status, view.error], ["stopped", undefined]);
  });

  test("works while the repository is being cloned", async (t) => {
    if (!needsJail(t)) return;
    const { studio, startTask } = await sharedFixture(t);
    const watch = await startTask("slowly count");
    await studio.client.task(watch.id).stop();
    assert.equal((await studio.client.task(watch.id).get()).status, "stopped");
  });
});

describe("agents that misbehave", () => {
  async function runFailingAgent({ startTask, ...fixture }: Fixture, agent: string) {
    const watch = await startTask("do something", agent);
    const view = await watch.status("failed", "idle");
    assert.equal(view.status, "failed");
    return { ...fixture, watch, view };
  }

  test("an agent that exits immediately is reported with the end of its stderr", async (t) => {
    if (!needsJail(t)) return;
    const { view } = await runFailingAgent(await sharedFixture(t), "unlicensed");
    assert.equal(view.error?.group, "agent");
    assert.match(view.error?.message ?? "", /no license/);
  });

  test("an agent that prints garbage and never answers times out, and so does one that hangs", async (t) => {
    if (!needsJail(t)) return;
    const garbage = "setInterval(() => console.log('garbage {'), 50); process.stdin.resume();";
    const silent = "process.stdin.resume();";
    const fixture = await createFixture(t, {
      customAgents: Object.entries({ garbage, silent }).map(customAgent),
      limits: { agentStartTimeoutMs: 1_500 },
    });
    const { view, studio, watch } = await runFailingAgent(fixture, "garbage");
    assert.equal(view.error?.code, "start_timed_out");
    // The task itself is intact: another prompt tries again.
    await studio.client.task(watch.id).prompt("again");
    await watch.status("running", "preparing");
    assert.equal((await watch.status("failed")).error?.code, "start_timed_out");
    const { view: hanging } = await runFailingAgent(fixture, "silent");
    assert.equal(hanging.error?.code, "start_timed_out");
  });

  test("a turn may take longer than a start", async (t) => {
    if (!needsJail(t)) return;
    const agentStartTimeoutMs = 8_000;
    // It answers its prompt only after the start timeout, which began before this process.
    const script = `
      import { createInterface } from "node:readline";
      const results = {
        initialize: { protocolVersion: 1, agentCapabilities: {} },
        "session/new": { sessionId: "s1" },
        "session/prompt": { stopReason: "end_turn" },
      };
      for await (const line of createInterface({ input: process.stdin })) {
        const { id, method } = JSON.parse(line);
        const wait = method === "session/prompt" ? ${agentStartTimeoutMs + 200} - process.uptime() * 1000 : 0;
        setTimeout(() => console.log(JSON.stringify({ jsonrpc: "2.0", id, result: results[method] })), wait);
      }`;
    const customAgents = [customAgent(["slow", script])];
    const { startTask } = await createFixture(t, { customAgents, limits: { agentStartTimeoutMs } });
    const view = await (await startTask("do something", "slow")).status("failed", "idle");
    assert.equal(view.status, "idle", view.error?.message);
  });

  test("an agent whose program is missing is reported by name", async (t) => {
    if (!needsJail(t)) return;
    const { startTask } = await sharedFixture(t);
    const watch = await startTask("do something", "gone");
    const view = await watch.status("failed");
    assert.match(view.error?.message ?? "", /not installed/);
  });

  test("an agent that is unknown, not installed or without a model is refused before anything is created", async (t) => {
    if (!needsJail(t)) return;
    const { studio, repository } = await sharedFixture(t);
    const create = (agent: string) =>
      studio.client.organization.createTask({ repository, agent, prompt: "x" });
    const before = await studio.client.organization.listTasks();
    await assert.rejects(create("codex"), (e) => isErrorCode(e, "agent", "not_installed"));
    await assert.rejects(create("nobody"), (e) => isErrorCode(e, "agent", "not_found"));
    assert.deepEqual(await studio.client.organization.listTasks(), before);
  });

  test("a crash in the middle of a turn fails it, and the next prompt works", async (t) => {
    if (!needsJail(t)) return;
    const { studio, startTask } = await sharedFixture(t);
    const watch = await startTask("crash");
    const view = await watch.status("failed");
    assert.equal(view.error?.code, "exited");
    assert.match(view.error?.message ?? "", /crashing as it was asked to/);
    await studio.client.task(watch.id).prompt('write "x" to x.txt without asking');
    await watch.status("idle");
    assert.deepEqual(
      (await studio.client.task(watch.id).diff()).files.map((file) => file.path),
      ["x.txt"],
    );
  });

  test("garbage between messages and a flood of them are handled without a gap", async (t) => {
    if (!needsJail(t)) return;
    const { studio, startTask } = await sharedFixture(t);
    const watch = await startTask('garbage; then write "x" to x.txt without asking');
    await watch.status("idle");
    await studio.client.task(watch.id).prompt("flood 1500");
    await watch.until((view) => view.status === "running", "the second turn");
    await watch.status("idle");
    const log = await readLog(studio.client, watch.latest.sessionId, 1_000);
    assert.ok(log.some((event) => mentions(event, "1500 xxx")));
    assert.ok(log.length > 1_500);
  });

  test("a log that reaches its limit ends the turn and keeps its contents", async (t) => {
    if (!needsJail(t)) return;
    const { studio, startTask } = await limitedFixture(t);
    const watch = await startTask("flood 1000");
    const view = await watch.status("failed", "idle");
    assert.deepEqual([view.error?.group, view.error?.code], ["session", "log_full"]);
    const log = await readLog(studio.client, view.sessionId);
    assert.ok(log.length > 10 && log.length < 200, `${log.length} events`);
  });

  test("an unanswered question expires, and the agent is notified", async (t) => {
    if (!needsJail(t)) return;
    const { studio, startTask } = await limitedFixture(t);
    const watch = await startTask('add a line "x" to the README');
    const asked = await watch.status("waiting");
    const view = await watch.status("idle", "failed");
    assert.deepEqual(view.approvals, []);
    const settled = (await readLog(studio.client, view.sessionId)).flatMap(({ body }) =>
      body.type === "approval-settled" ? [body.outcome] : [],
    );
    assert.deepEqual(settled, ["expired"]);
    const late = studio.client.task(watch.id).answer(asked.approvals[0]?.id ?? "", "allow-once");
    await assert.rejects(late, (e) => isErrorCode(e, "approval", "already_settled"));
    assert.deepEqual((await studio.client.task(watch.id).diff()).files, []);
  });

  test("a question about a long file is asked and answered like any other", async (t) => {
    if (!needsJail(t)) return;
    const { startTask } = await sharedFixture(t);
    const watch = await startTask("rewrite it", "long");
    const asked = await watch.status("waiting", "failed");
    assert.equal(asked.error, undefined);
    assert.equal(asked.approvals[0]?.truncated, true);
    await watch.answer("allow_once");
    assert.equal((await watch.status("idle", "failed")).error, undefined);
  });

  test("envelopes that are too long or too deep are replaced by notes", async (t) => {
    if (!needsJail(t)) return;
    const { studio, startTask } = await sharedFixture(t);
    const watch = await startTask("x", "odd");
    await watch.status("idle");
    const log = await readLog(studio.client, watch.latest.sessionId);
    const omitted = log
      .flatMap(({ body }) => (body.type === "acp" ? [JSON.stringify(body.envelope)] : []))
      .filter((text) => text.includes("holdfast/omitted"));
    assert.deepEqual(
      omitted.map((text) => /"reason":"([^"]*)"/.exec(text)?.[1]),
      ["too deep", "too long"],
    );
  });
});

describe("an agent that cannot load its session", () => {
  test("gets the transcript when a new process takes over", async (t) => {
    if (!needsJail(t)) return;
    const { studio, startTask } = await sharedFixture(t);
    const watch = await startTask("stay with the word marmalade", "forgetful");
    await untilEvent(studio.client, watch.latest.sessionId, (event) => mentions(event, "I heard"));
    await studio.client.task(watch.id).stop();
    await studio.client.task(watch.id).prompt("go on");
    await watch.status("idle");
    const log = await readLog(studio.client, watch.latest.sessionId);
    const started = log.flatMap(({ body }) => (body.type === "agent-started" ? [body.resumed] : []));
    assert.deepEqual(started, ["new", "transcript"]);
    const answer = log.filter((event) => mentions(event, "I heard")).at(-1);
    assert.match(JSON.stringify(answer), /<transcript>.*marmalade.*<\/transcript>.*go on/);
  });
});

describe("bad input", () => {
  test("is refused at the edge and creates nothing; what was created is listed page by page", async (t) => {
    if (!needsJail(t)) return;
    const { studio, repository, folder, startTask } = await createFixture(t);
    const { organization } = studio.client;
    const create = (input: object) =>
      organization.createTask({ repository, agent: "demo", prompt: "x", ...input });
    await assert.rejects(create({ repository: folder }), (e) =>
      isErrorCode(e, "repository", "not_a_repository"),
    );
    await assert.rejects(create({ repository: join(folder, "none") }), (e) =>
      isErrorCode(e, "repository", "not_found"),
    );
    await assert.rejects(create({ prompt: "  " }), (e) => isErrorCode(e, "task", "empty_prompt"));
    await assert.rejects(create({ prompt: "x".repeat(40_000) }), (e) =>
      isErrorCode(e, "task", "prompt_too_long"),
    );
    writeFileSync(join(repository, "dirty.txt"), "x");
    await assert.rejects(create({}), (e) => isErrorCode(e, "repository", "dirty"));
    assert.deepEqual((await organization.listTasks()).tasks, []);
    assert.equal(existsSync(join(studio.dataDirectory, "tasks")), false);
    const task = await create({ fromHead: true });
    const watch = await Watch.open(studio.client, task.id);
    await watch.status("waiting");
    await studio.client.task(task.id).stop();
    await watch.close();
    sh(repository, "clean", "-qf");
    const second = await startTask("slowly count");
    for (let n = 0; n < 20; n++)
      await studio.client
        .task(second.id)
        .prompt(`prompt ${n}`)
        .catch(() => {});
    await assert.rejects(studio.client.task(second.id).prompt("one too many"), (e) =>
      isErrorCode(e, "task", "queue_full"),
    );
    await studio.client.task(second.id).stop();
    assert.equal((await studio.client.task(second.id).get()).status, "stopped");

    // Tasks are listed page by page, the newest first.
    const third = await startTask("hello without asking");
    await third.status("idle");
    const first = await organization.listTasks({ limit: 2 });
    assert.deepEqual(
      first.tasks.map(({ id }) => id),
      [third.id, second.id],
    );
    const next = await organization.listTasks({
      limit: 2,
      ...(first.cursor === undefined ? {} : { cursor: first.cursor }),
    });
    assert.deepEqual(
      next.tasks.map(({ id }) => id),
      [task.id],
    );
    assert.equal(next.cursor, undefined);
  });
});

/** True if the server of a jail is stopped: its process is in the state T. */
function isFrozen(): boolean {
  return readdirSync("/proc").some((pid) => {
    try {
      if (!/^\d+$/.test(pid) || !readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("guest.mjs"))
        return false;
      return / T /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    } catch {
      // The process has exited.
      return false;
    }
  });
}
