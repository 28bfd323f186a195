import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskSessionView, TaskView } from "../../../contract.ts";
import { isSessionUnread, shownSession, viewOfSession } from "./session-view.ts";

const usage = { inputTokens: 0, outputTokens: 0, requests: 0 };
const session = (id: string, more: Partial<TaskSessionView> = {}): TaskSessionView => ({
  ...{ id, name: id, agent: "demo", status: "idle", approvals: [], usage, createdAt: 1, attentionAt: 0 },
  ...more,
});
const taskOf = (...sessions: readonly TaskSessionView[]): TaskView => ({
  ...{
    id: "t",
    title: "Title",
    repository: "/r",
    agent: "demo",
    status: "running",
    createdAt: 0,
    updatedAt: 0,
  },
  ...{ unsafe: false, sessionId: "a", sessions, base: { branch: "", commit: "" }, approvals: [], usage },
  ...{
    revision: 1,
    error: { group: "g", code: "c", message: "of the task" },
    queued: [{ id: "q", text: "first" }],
  },
});

test("the first open session is shown unless another one is chosen", () => {
  const task = taskOf(session("a", { closedAt: 5 }), session("b"));
  assert.deepEqual(
    [undefined, "a", "gone"].map((chosen) => shownSession(task, chosen)?.id),
    ["b", "a", "b"],
  );
});

test("a session shows nothing of the others", () => {
  const view = viewOfSession(
    taskOf(session("a"), session("b", { agent: "claude" })),
    session("b", { agent: "claude" }),
  );
  assert.deepEqual([view.sessionId, view.agent, view.status], ["b", "claude", "idle"]);
  assert.equal("error" in view || "queued" in view, false);
});

test("a session is unread if it has needed the person since", () => {
  const task = taskOf(session("a", { attentionAt: 8 }), session("b", { createdAt: 9, attentionAt: 12 }));
  const unread = (seen: Readonly<Record<string, number>>) =>
    task.sessions.map((each) => isSessionUnread(task, each, seen));
  assert.deepEqual(unread({}), [false, true]);
  assert.deepEqual(unread({ b: 12 }), [false, false]);
  assert.deepEqual(unread({ a: 7, b: 11 }), [true, true]);
});
