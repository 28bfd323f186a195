import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApprovalView, StudioClient, TaskStatus, TaskView } from "@holdfast/studio";
import { TaskRun } from "./task-run.ts";

function view(status: TaskStatus, revision: number, ...approvals: ApprovalView[]): TaskView {
  return {
    ...{ id: "t", title: "x", repository: "/r", agent: "demo", status, createdAt: 0, updatedAt: 0 },
    ...{ unsafe: false, sessionId: "s", sessions: [], base: { branch: "main", commit: "c" }, approvals },
    ...{ usage: { inputTokens: 0, outputTokens: 0, requests: 0 }, revision },
  };
}

test("a run catches up on what it missed during a server restart", async () => {
  let now = view("running", 1);
  let missed = () => {};
  const looked = Promise.withResolvers<void>();
  const subscription = { close: async () => {} };
  const client = {
    task: () => ({
      get: async () => now,
      on: async (_name: string, _listener: unknown, onMissed: () => void) => {
        missed = onMissed;
        return subscription;
      },
    }),
    session: () => ({
      events: async () => {
        looked.resolve();
        return { events: [], head: 0 };
      },
      on: async () => subscription,
    }),
  } as unknown as StudioClient;
  const run = new TaskRun(client, "t", "deny", true).waitForEnd();
  await looked.promise;
  // By the end of this turn of the event loop, the run waits for the next change.
  await new Promise(setImmediate);
  now = view("idle", 2);
  missed();
  assert.equal((await run).status, "idle");
});

test("a turn has ended even if the task's next turn has already started", async () => {
  let changed: (next: TaskView) => void = () => {};
  const looked = Promise.withResolvers<void>();
  const client = {
    task: () => ({
      get: async () => view("running", 1),
      on: async (_name: string, listener: (next: TaskView) => void) => {
        changed = listener;
        return { close: async () => {} };
      },
    }),
    session: () => ({
      events: async () => {
        looked.resolve();
        return { events: [], head: 0 };
      },
      on: async () => ({ close: async () => {} }),
    }),
  } as unknown as StudioClient;
  const run = new TaskRun(client, "t", "deny", true).waitForEnd();
  await looked.promise;
  await new Promise(setImmediate);
  // Like a group, which starts the next event as soon as a turn ends.
  changed(view("failed", 2));
  changed(view("running", 3));
  assert.deepEqual(await run, view("failed", 2));
});

test("nothing of the following turn is shown or answered", async (t) => {
  const question: ApprovalView = {
    ...{ id: "a", title: "Go on?", detail: "", truncated: false, createdAt: 0, expiresAt: 1 },
    options: [{ id: "go", kind: "allow_once", name: "Go on" }],
  };
  const printed = t.mock.method(console, "log", () => {});
  const bodies = [
    { type: "prompt", text: "mine" },
    { type: "turn-ended", stopReason: "end_turn" },
    { type: "prompt", text: "somebody else's" },
    { type: "turn-ended", stopReason: "cancelled" },
  ];
  const log = bodies.map((body, index) => ({ seq: index + 1, at: 0, body }));
  let known = 1;
  let changed: (next: TaskView) => void = () => {};
  const looked = Promise.withResolvers<void>();
  const answers: string[] = [];
  const client = {
    task: () => ({
      get: async () => view("running", 1),
      answer: async (id: string) => answers.push(id),
      on: async (_name: string, listener: (next: TaskView) => void) => {
        changed = listener;
        return { close: async () => {} };
      },
    }),
    session: () => ({
      events: async ({ after }: { after: number }) => {
        looked.resolve();
        return { events: log.slice(after, known), head: known };
      },
      on: async () => ({ close: async () => {} }),
    }),
  } as unknown as StudioClient;
  const run = new TaskRun(client, "t", "allow", true);
  const ended = run.waitForEnd();
  await looked.promise;
  await new Promise(setImmediate);
  known = log.length;
  changed(view("idle", 2));
  changed(view("waiting", 3, question));
  assert.equal((await ended).status, "idle");
  assert.deepEqual(answers, []);
  assert.equal(run.wasStopped, false);
  const shown = printed.mock.calls.map(
    ({ arguments: [line] }) => JSON.parse(String(line)) as { seq: number },
  );
  assert.deepEqual(
    shown.map(({ seq }) => seq),
    [1, 2],
  );
});

test("a question without a deny option can still be allowed", async () => {
  const question: ApprovalView = {
    ...{ id: "a", title: "Go on?", detail: "", truncated: false, createdAt: 0, expiresAt: 1 },
    options: [{ id: "go", kind: "allow_once", name: "Go on" }],
  };
  let now = view("waiting", 1, question);
  let changed: (next: TaskView) => void = () => {};
  const answers: string[] = [];
  const client = {
    task: () => ({
      get: async () => now,
      on: async (_name: string, listener: (next: TaskView) => void) => {
        changed = listener;
        return { close: async () => {} };
      },
      answer: async (approvalId: string, optionId: string) => {
        answers.push(`${approvalId} ${optionId}`);
        now = view("idle", 2);
        changed(now);
      },
    }),
    session: () => ({
      events: async () => ({ events: [], head: 0 }),
      on: async () => ({ close: async () => {} }),
    }),
  } as unknown as StudioClient;
  const ended = await new TaskRun(client, "t", "allow", true).waitForEnd();
  assert.deepEqual([ended.status, answers], ["idle", ["a go"]]);
});

test("a turn that the agent ends because of a denied question does not count as stopped", async () => {
  const question: ApprovalView = {
    ...{ id: "a", title: "Go on?", detail: "", truncated: false, createdAt: 0, expiresAt: 1 },
    options: [{ id: "no", kind: "reject_once", name: "Stay" }],
  };
  const stopped: boolean[] = [];
  for (const asked of [[question], []]) {
    let now = view(asked.length > 0 ? "waiting" : "idle", 1, ...asked);
    let changed: (next: TaskView) => void = () => {};
    const ended = { seq: 1, at: 0, body: { type: "turn-ended", stopReason: "cancelled" } };
    const client = {
      task: () => ({
        get: async () => now,
        on: async (_name: string, listener: (next: TaskView) => void) => {
          changed = listener;
          return { close: async () => {} };
        },
        answer: async () => {
          now = view("idle", 2);
          changed(now);
        },
      }),
      session: () => ({
        events: async ({ after }: { after: number }) => ({ events: after === 0 ? [ended] : [], head: 1 }),
        on: async () => ({ close: async () => {} }),
      }),
    } as unknown as StudioClient;
    const run = new TaskRun(client, "t", "deny", true);
    await run.waitForEnd();
    stopped.push(run.wasStopped);
  }
  assert.deepEqual(stopped, [false, true]);
});
