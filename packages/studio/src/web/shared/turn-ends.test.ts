import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApprovalView, TaskSessionView } from "../../contract.ts";
import { stopsOf, turnKey } from "./turn-ends.ts";

const asks = (id: string) => ({ id }) as ApprovalView;
const session = (more: Partial<TaskSessionView> = {}): TaskSessionView => ({
  ...{
    id: "a",
    name: "a",
    agent: "demo",
    status: "idle",
    approvals: [],
    createdAt: 1,
    attentionAt: 0,
    endedAt: 5,
  },
  usage: { inputTokens: 0, outputTokens: 0, requests: 0 },
  ...more,
});

test("a turn that was over before its status was seen is an end", () => {
  const keyOf = (each: TaskSessionView) => turnKey({ status: "idle", sessions: [each] });
  assert.equal(keyOf(session()), keyOf(session({ attentionAt: 5 })));
  assert.notEqual(keyOf(session()), keyOf(session({ endedAt: 6 })));
});

test("agents stop with each turn that ends and each question", () => {
  const before = session({ status: "waiting", approvals: [asks("p")] });
  const hasNew = (next: TaskSessionView, known = before) => {
    const stops = stopsOf([known]);
    return [...stopsOf([next])].some((stop) => !stops.has(stop));
  };
  assert.equal(hasNew(session({ status: "running" })), false);
  assert.equal(hasNew(session({ status: "waiting", approvals: [asks("q")] })), true);
  assert.equal(hasNew(session({ status: "stopped" })), true);
  assert.equal(hasNew(session({ endedAt: 6 }), session()), true);
  assert.equal(hasNew(session({ status: "running", endedAt: 6 }), session({ status: "running" })), true);
});
