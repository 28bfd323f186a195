import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { newTaskState, type TaskState } from "../task-state.ts";
import { decideForkSecrets } from "./secrets.ts";

const pull = {
  ...{ number: 7, title: "Count", webUrl: "u", repository: "eve/app", branch: "main", baseBranch: "main" },
  ...{ ref: "refs/pull/7/head", mayEdit: false },
};

function newTask(): TaskState {
  const names = { taskId: "t", sessionId: "s", title: "Count", repository: "team/app", agent: "demo" };
  const rest = { prompt: "Count", unsafe: false, createdAt: 1, connected: { id: "r", pull } };
  return newTaskState({ ...names, ...rest }, "p");
}

test("secrets are allowed for code that has asked for them, and not for what a fork may get later", () => {
  const state = newTask();
  const by = { by: "ada", at: 2 };
  assert.throws(
    () => decideForkSecrets(state, true, by),
    (error) => isErrorCode(error, "task", "secrets_not_asked"),
  );
  assert.ok(!Object.keys(state).includes("forkSecrets"));
  state.status = "failed";
  state.error = { group: "environment", code: "secrets_not_allowed", message: "Read its changes" };
  for (const prompt of state.prompts) prompt.state = "failed";
  decideForkSecrets(state, true, by);
  assert.deepEqual([state.forkSecrets?.isAllowed, state.status], [true, "preparing"]);

  const other = newTask();
  decideForkSecrets(other, false, by);
  assert.equal(other.forkSecrets?.isAllowed, false);
});
