import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runInNewContext } from "node:vm";
import { toTaskView } from "./sessions/view.ts";
import { isActive } from "./task-activity.ts";
import { newTaskState, titleOf } from "./task-state.ts";
import { applyReport } from "./turns/reports.ts";
import { takeWork } from "./turns/work.ts";

function newState() {
  return newTaskState(
    {
      taskId: "t",
      sessionId: "s",
      title: "x",
      repository: "/r",
      agent: "demo",
      prompt: "do it",
      unsafe: false,
      createdAt: 1,
    },
    "p1",
  );
}

const approval = {
  id: "a",
  title: "?",
  detail: "",
  truncated: false,
  options: [],
  createdAt: 1,
  expiresAt: 2,
};

describe("the state of a task", () => {
  test("hands out one prompt until it ends, again after a crash, then the next", () => {
    const state = newState();
    state.prompts.push({ id: "p2", text: "more", state: "queued", attempts: 0 });
    const by = { id: "operator", name: "Operator" };
    assert.deepEqual(takeWork(state)?.prompt, { id: "p1", text: "do it", attempt: 1, by });
    assert.deepEqual(takeWork(state)?.prompt, { id: "p1", text: "do it", attempt: 2, by });
    applyReport(state, { type: "turn-ended", promptId: "p1" });
    assert.equal(state.status, "running");
    assert.equal(takeWork(state)?.prompt.id, "p2");
    applyReport(state, { type: "turn-ended", promptId: "p2" });
    assert.equal(takeWork(state), undefined);
    assert.deepEqual([state.status, isActive(state)], ["idle", false]);
  });

  test("counts the attempts interrupted by orderly server shutdowns", () => {
    const state = newState();
    takeWork(state);
    applyReport(state, { type: "put-down", promptId: "p1" });
    const by = { id: "operator", name: "Operator" };
    assert.deepEqual(takeWork(state)?.prompt, { id: "p1", text: "do it", attempt: 2, putDown: 1, by });
    applyReport(state, { type: "turn-ended", promptId: "p1" });
    applyReport(state, { type: "put-down", promptId: "p1" });
    assert.equal(state.prompts[0]?.putDown, 1);
  });

  test("reports the questions of a dead process as stale, and keeps them until they are settled", () => {
    const state = newState();
    takeWork(state);
    applyReport(state, { type: "approval-requested", approval });
    assert.equal(state.status, "waiting");
    assert.deepEqual(takeWork(state)?.staleApprovals, ["a"]);
    applyReport(state, { type: "approval-settled", approvalId: "a" });
    assert.deepEqual([toTaskView(state).approvals, state.settled], [[], ["a"]]);
  });

  test("does not change to waiting or running for a question between turns", () => {
    const state = newState();
    takeWork(state);
    applyReport(state, { type: "turn-ended", promptId: "p1" });
    applyReport(state, { type: "approval-requested", approval: { ...approval, boundary: { tool: "post" } } });
    assert.deepEqual([state.status, toTaskView(state).approvals.length], ["idle", 1]);
    applyReport(state, { type: "approval-settled", approvalId: "a" });
    assert.deepEqual([state.status, isActive(state)], ["idle", false]);
  });

  test("stays stopped when the stopped turn ends afterwards", () => {
    const state = newState();
    takeWork(state);
    applyReport(state, { type: "stopped" });
    applyReport(state, { type: "turn-ended", promptId: "p1" });
    const error = { group: "task", code: "stopped", message: "x" };
    applyReport(state, { type: "failed", promptId: "p1", error });
    assert.deepEqual(
      [state.status, state.error, state.prompts[0]?.state],
      ["stopped", undefined, "cancelled"],
    );
  });

  test("hands out no prompt while it is stopped, and cancels the queued ones", () => {
    const state = newState();
    state.stopping = true;
    assert.equal(takeWork(state), undefined);
    assert.equal(isActive(state), true);
    applyReport(state, { type: "stopped" });
    assert.deepEqual(
      state.prompts.map((row) => row.state),
      ["cancelled"],
    );
    assert.deepEqual([state.status, isActive(state)], ["stopped", false]);
  });

  test("stays active until an apply has finished", () => {
    const state = newState();
    takeWork(state);
    const error = { group: "agent", code: "exited", message: "x" };
    applyReport(state, { type: "failed", promptId: "p1", error });
    assert.deepEqual([state.status, state.error, isActive(state)], ["failed", error, false]);
    state.apply = { plan: { tree: "t", base: "b", branch: "x", message: "m", at: 1 }, done: false };
    assert.equal(isActive(state), true);
  });

  test("takes its title from the first line, at most 62 characters", () => {
    assert.equal(titleOf("  Fix  the\ttest \nand more"), "Fix the test");
    assert.equal(titleOf("Fix\u00a0 \r\n\r\nand more"), "Fix");
    // The timeout fails quadratic code, which would take a minute here.
    const tell = () => titleOf(`a${" ".repeat(400_000)}b`);
    assert.equal(runInNewContext("tell()", { tell }, { timeout: 10_000 }), "a b");
    assert.equal(titleOf("x".repeat(62)).length, 62);
    assert.equal(titleOf("x".repeat(63)), `${"x".repeat(61)}…`);
    assert.equal(titleOf(`${"x".repeat(60)}🌱🌱`), `${"x".repeat(60)}…`);
  });
});
