import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { actor } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { migrations } from "@holdfast/actors/unstable/migrations";
import { systemPorts, uuidv4 } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { OrganizationActions, TaskActions } from "../../contract.ts";
import { createActors } from "../actors.ts";
import type { BackendHost } from "../host.ts";
import { taskTableVersions } from "../tasks/schema.ts";
import { LocalValueTokens } from "../value-tokens.ts";

const usage = { inputTokens: 7, outputTokens: 1, requests: 1 };
const question = {
  ...{ id: "q", title: "?", detail: "", truncated: false, createdAt: 1, expiresAt: Number.MAX_SAFE_INTEGER },
  options: [{ id: "yes", kind: "allow_once", name: "Allow" }],
};

/** What a task kept before there were several sessions. */
const earlierState = {
  ...{ version: 1, id: "t", sessionId: "s", title: "Old", repository: "/r", agent: "demo", unsafe: false },
  ...{ status: "waiting", createdAt: 1, updatedAt: 2, revision: 3, wake: 1, claim: 1, textSeq: 0 },
  base: { branch: "main", commit: "c" },
  prompts: [
    { id: "p1", text: "first", state: "done", attempts: 1 },
    { id: "p2", text: "second", state: "sent", attempts: 1 },
    { id: "p3", text: "third", state: "queued", attempts: 0 },
  ],
  ...{ approvals: [question], settled: ["old"], people: ["operator"], usage, stopping: false },
  reported: { seq: 4, approvals: ["q"], turn: "working" },
};

const summary = {
  ...{ id: "t", title: "Old", repository: "/r", agent: "demo", status: "waiting" },
  ...{ createdAt: 1, updatedAt: 2, unsafe: false, openApprovals: 1 },
};

/** The actors of the version before, with one task. */
function earlierActors() {
  const organization = actor({
    createState: () => ({ version: 1, tasks: 1 }),
    db: db({ onMigrate: migrations({ migrations: taskTableVersions.slice(0, 1) }) }),
    actions: {
      fill: (c) =>
        c.db.execute(
          `INSERT INTO task (id, repository, agent, status, status_order, attention_at, active, wake, revision, summary)
           VALUES ('t', '/r', 'demo', 'waiting', 0, 2, 1, 1, 3, ?)`,
          JSON.stringify(summary),
        ),
    },
  });
  const task = actor({ createState: () => earlierState, actions: { fill: () => {} } });
  const session = actor({
    createState: () => ({ version: 1, taskId: "t", head: 0, bytes: 0 }),
    actions: { fill: () => {} },
  });
  return { organization, task, session };
}

async function openEarlier(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-earlier-"));
  removeAtExit(folder);
  const ports = systemPorts();
  const host = {
    ...{ ports, valueTokens: new LocalValueTokens(() => uuidv4(ports.random)), place: { id: "here" } },
    ...{
      unsafe: false,
      runsWithActor: false,
      runs: () => false,
      requireJails: () => {},
      requireBudget: async () => {},
    },
    personOf: async () => ({ id: "operator", isOperator: true }),
    listAgents: async () => [{ id: "demo", name: "Demo", installed: true, ready: true }],
  } as unknown as BackendHost;
  const start = (use: Parameters<typeof createRegistry>[0]["use"]) =>
    createRegistry({ use, store: () => openSqliteStore({ path: folder, ports }), ports });
  const before = start(earlierActors());
  for (const [name, key] of [
    ["organization", "local"],
    ["task", "t"],
    ["session", "s"],
  ] as const)
    await before.client.getOrCreate(name, [key]).action({ name: "fill", args: [] });
  await before.shutdown();
  const registry = start(createActors(host));
  t.after(() => registry.shutdown());
  const task = registry.client.get("task", ["t"]);
  return {
    list: registry.client.getOrCreate("organization", ["local"]) as unknown as OrganizationActions,
    task: task as unknown as TaskActions,
    call: <Result>(name: string, ...args: unknown[]) =>
      task.action<Result>({ name: `internal.${name}`, args }),
  };
}

test("a task of an earlier version is its own first session, with all that it had, and takes others", async (t) => {
  const { list, task, call } = await openEarlier(t);
  const { tasks } = await list.listTasks();
  assert.deepEqual(
    tasks.map(({ id, status, attentionAt }) => [id, status, attentionAt]),
    [["t", "waiting", 2]],
  );
  const view = await task.get();
  assert.deepEqual([view.status, view.openSessions, view.attempts], ["waiting", undefined, undefined]);
  const [first] = view.sessions;
  assert.deepEqual(
    [first?.id, first?.name, first?.agent, first?.approvals.length, first?.usage, first?.queued],
    ["s", "demo", "demo", 1, usage, [{ id: "p3", text: "third" }]],
  );
  // A runner of the version before names no session.
  await call("report", { type: "approval-settled", approvalId: "q" });
  await call("report", { type: "turn-ended", promptId: "p2" });
  assert.equal((await call<{ prompt: { id: string } }>("next")).prompt.id, "p3");
  await call("report", { type: "turn-ended", promptId: "p3" });
  assert.equal((await task.get()).status, "idle");
  const second = await task.startSession({ agent: "demo", prompt: "beside" });
  const after = await task.get();
  assert.deepEqual(
    after.sessions.map(({ id, name }) => [id, name]),
    [
      ["s", "demo"],
      [second.id, "demo 2"],
    ],
  );
  assert.equal(after.status, "running");
});
