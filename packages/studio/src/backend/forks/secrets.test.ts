import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { newTaskState, type TaskState } from "../task-state.ts";
import { applyReport, settleApproval } from "../turns/reports.ts";
import { takeWork } from "../turns/work.ts";
import { decideForkSecrets, stopWaiting } from "./secrets.ts";

const pull = {
  ...{ number: 7, title: "Count", webUrl: "u", repository: "eve/app", branch: "main", baseBranch: "main" },
  ...{ ref: "refs/pull/7/head", mayEdit: false },
};

function newTask(): TaskState {
  const names = { taskId: "t", sessionId: "s", title: "Count", repository: "team/app", agent: "demo" };
  const rest = { prompt: "Count", unsafe: false, createdAt: 1, connected: { id: "r", pull } };
  return newTaskState({ ...names, ...rest }, "p");
}

/** The environment asks for secrets when the first prompt is prepared. */
function ask(state: TaskState): void {
  takeWork(state);
  const error = { group: "environment", code: "secrets_not_allowed", message: "Read its changes" };
  applyReport(state, { type: "failed", promptId: "p", error });
}

test("a task waits for the answer about secrets, whatever else is answered, until it is stopped", () => {
  const state = newTask();
  assert.equal(stopWaiting([state]), false);
  ask(state);
  assert.deepEqual([state.status, state.prompts[0]?.state], ["waiting", "failed"]);
  state.approvals = [{ id: "a" } as TaskState["approvals"][number]];
  settleApproval(state, "a");
  assert.equal(state.status, "waiting");
  assert.equal(stopWaiting([state]), true);
  assert.deepEqual([state.status, state.error], ["stopped", undefined]);
  assert.throws(
    () => decideForkSecrets(state, true, { by: "ada", at: 2 }),
    (error) => isErrorCode(error, "task", "secrets_not_asked"),
  );
});

test("secrets are allowed for code that has asked for them, and not for what a fork may get later", () => {
  const state = newTask();
  const by = { by: "ada", at: 2 };
  assert.throws(
    () => decideForkSecrets(state, true, by),
    (error) => isErrorCode(error, "task", "secrets_not_asked"),
  );
  assert.ok(!Object.keys(state).includes("forkSecrets"));
  ask(state);
  decideForkSecrets(state, true, by);
  assert.deepEqual([state.forkSecrets?.isAllowed, state.status], [true, "preparing"]);

  const other = newTask();
  decideForkSecrets(other, false, by);
  assert.equal(other.forkSecrets?.isAllowed, false);
});
