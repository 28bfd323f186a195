import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createStudio, type Studio, type TaskView } from "@holdfast/studio";
import { scriptPrompt, startMockModel } from "@holdfast/testing/mock-model";
import { installedAgents } from "./support/installed.ts";
import { Repository, randomText } from "./support/repository.ts";

const agents = ["claude", "codex"] as const;
const missing = spawnSync("bwrap", ["--version"]).error !== undefined;

interface Running {
  readonly studio: Studio;
  repository(name: string): Promise<Repository>;
  close(): Promise<void>;
}

/** The Studio with real agents on a scripted model. */
async function startStudio(): Promise<Running> {
  const agentsDirectory = await installedAgents(...agents);
  const key = randomText("sk").replace(" ", "-");
  const model = await startMockModel({ apiKeys: { anthropic: key, openai: key } });
  const directory = await mkdtemp(join(tmpdir(), "holdfast-attempts-"));
  const studio = await createStudio({
    ...{ dataDirectory: join(directory, "data"), agentsDirectory, vault: { logins: false } },
    environment: {
      PATH: process.env["PATH"],
      ANTHROPIC_API_KEY: key,
      HOLDFAST_ANTHROPIC_BASE_URL: model.url,
      OPENAI_API_KEY: key,
      HOLDFAST_OPENAI_BASE_URL: `${model.url}/v1`,
    },
  });
  return {
    studio,
    repository: (name) => Repository.create(join(directory, name)),
    async close() {
      await studio.close();
      await model.close();
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** Allows whatever is asked, in any session, until all of them rest. */
async function allowUntilIdle(studio: Studio, taskId: string): Promise<TaskView> {
  const task = studio.client.task(taskId);
  const answered = new Set<string>();
  const idle = Promise.withResolvers<TaskView>();
  const look = (view: TaskView) => {
    if (view.sessions.every(({ status }) => status === "idle" || status === "failed")) idle.resolve(view);
    for (const { id, options } of view.approvals) {
      const allow = options.find(({ kind }) => kind === "allow_once");
      if (allow === undefined || answered.has(id)) continue;
      answered.add(id);
      task.answer(id, allow.id).catch(idle.reject);
    }
  };
  const watch = await task.on("changed", look);
  try {
    look(await task.get());
    return await idle.promise;
  } finally {
    await watch.close();
  }
}

describe("real agents in jails", { skip: missing && "needs bubblewrap" }, () => {
  let running: Running;
  before(async () => {
    running = await startStudio();
  });
  after(async () => {
    await running?.close();
  });

  test("try one prompt in copies of their own, and the work of one of them is kept", async () => {
    const { studio } = running;
    const repository = await running.repository("attempts");
    const content = `${randomText("attempt")}\n`;
    const prompt = scriptPrompt([{ edit: { path: "added.md", content } }, { say: "Done." }]);
    const { id } = await studio.client.organization.createTask({
      ...{ repository: repository.path, agent: agents[0], attempts: [agents[1]], prompt },
    });
    const task = studio.client.task(id);
    const view = await allowUntilIdle(studio, id);
    assert.deepEqual(
      view.sessions.map(({ agent, status, error }) => [agent, status, error?.message]),
      agents.map((agent) => [agent, "idle", undefined]),
    );
    for (const session of view.sessions) {
      assert.ok(session.usage.inputTokens > 0, `${session.agent} used no tokens`);
      const { files } = await task.attemptDiff(session.id);
      assert.deepEqual(
        files.map(({ path }) => path),
        ["added.md"],
      );
    }
    const second = view.sessions[1]?.id ?? "";
    await task.keepAttempt(second);
    const next = scriptPrompt([{ edit: { path: "more.md", content } }, { say: "Done." }]);
    await task.prompt(next);
    await allowUntilIdle(studio, id);
    const applied = await task.apply();
    assert.equal(await repository.show(applied.branch, "added.md"), content);
    assert.equal(await repository.show(applied.branch, "more.md"), content);
  });

  test("work side by side in one workspace, each asking for itself", async () => {
    const { studio } = running;
    const repository = await running.repository("beside");
    const edit = (path: string) => scriptPrompt([{ edit: { path, content: `${path}\n` } }, { say: "Done." }]);
    const { id } = await studio.client.organization.createTask({
      ...{ repository: repository.path, agent: agents[0], prompt: edit("first.md") },
    });
    const task = studio.client.task(id);
    await task.startSession({ agent: agents[1], prompt: edit("second.md") });
    const view = await allowUntilIdle(studio, id);
    assert.deepEqual(
      view.sessions.map(({ status, error }) => [status, error?.message]),
      [
        ["idle", undefined],
        ["idle", undefined],
      ],
    );
    assert.deepEqual(
      (await task.diff()).files.map(({ path }) => path),
      ["first.md", "second.md"],
    );
  });
});
