import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode, systemPorts } from "@holdfast/core";
import type { ApprovalChoice } from "./host.ts";
import { applyReport, newTaskState, takeWork } from "./task-state.ts";
import { type TaskContext, TaskSteps } from "./task-steps.ts";

const approval = {
  ...{ id: "a", title: "?", detail: "", truncated: false, createdAt: 1 },
  options: [{ id: "yes", kind: "allow_once", name: "Allow" } as const],
  expiresAt: Number.MAX_SAFE_INTEGER,
};

/** A task whose agent asks, beside a process that knows whether somebody waits for the answer. */
function asked({ waits, hears = waits }: { readonly waits: boolean; readonly hears?: boolean }) {
  const state = newTaskState(
    {
      ...{ taskId: "t", sessionId: "s", title: "x", repository: "/r", agent: "demo", prompt: "do it" },
      ...{ unsafe: false, createdAt: 1 },
    },
    "p1",
  );
  takeWork(state);
  applyReport(state, { type: "approval-requested", approval });
  const delivered: ApprovalChoice[] = [];
  const unused = () => Promise.reject(new Error("not a part of an answer"));
  const steps = new TaskSteps({
    ports: systemPorts(),
    wake: () => {},
    waits: () => waits,
    answer: async (_taskId, _approvalId, choice) => {
      delivered.push(choice);
      return hears;
    },
    ...{ stop: unused, snapshot: unused, branchName: unused, apply: unused },
  });
  const context: TaskContext = {
    state,
    broadcast: () => {},
    client: () => ({ get: () => ({ action: unused }) }),
    waitUntil: (promise) => void promise.catch(() => {}),
    saveState: () => Promise.resolve(),
  };
  return { state, steps, context, delivered };
}

describe("an answer", () => {
  test("is used up, and given to the agent that waits for it", async () => {
    const { state, steps, context, delivered } = asked({ waits: true });
    await steps.answer(context, "a", "yes");
    assert.deepEqual(delivered, [{ optionId: "yes", allowed: true }]);
    assert.deepEqual([state.approvals, state.settled], [[], ["a"]]);
    await assert.rejects(steps.answer(context, "a", "yes"), (error) =>
      isErrorCode(error, "approval", "already_settled"),
    );
  });

  test("to an agent that is gone is refused, and its question left to the runner that settles it", async () => {
    const { state, steps, context, delivered } = asked({ waits: false });
    await assert.rejects(
      steps.answer(context, "a", "yes"),
      (error) => isErrorCode(error, "approval", "agent_gone") && /asks again/.test(error.message),
    );
    assert.deepEqual(delivered, []);
    assert.deepEqual(takeWork(state)?.staleApprovals, ["a"]);
  });

  test("that the agent did not live to hear is not taken for given", async () => {
    const { state, steps, context } = asked({ waits: true, hears: false });
    await assert.rejects(steps.answer(context, "a", "yes"), (error) =>
      isErrorCode(error, "approval", "agent_gone"),
    );
    assert.deepEqual(state.approvals, []);
  });

  test("to many questions is taken for each that still waits, whatever became of the others", async () => {
    const { state, steps, context, delivered } = asked({ waits: true });
    for (const id of ["b", "c"])
      applyReport(state, { type: "approval-requested", approval: { ...approval, id } });
    const outcomes = await steps.answerMany(context, [
      { approvalId: "a", optionId: "yes" },
      { approvalId: "gone", optionId: "yes" },
      { approvalId: "b", optionId: "perhaps" },
      { approvalId: "a", optionId: "yes" },
      { approvalId: "c", optionId: "yes" },
    ]);
    assert.deepEqual(
      outcomes.map(({ approvalId, error }) => [approvalId, error?.code]),
      [
        ["a", undefined],
        ["gone", "not_found"],
        ["b", "invalid_option"],
        ["a", "already_settled"],
        ["c", undefined],
      ],
    );
    assert.equal(delivered.length, 2);
    assert.deepEqual(
      state.approvals.map(({ id }) => id),
      ["b"],
    );
    const invalid = (error: unknown) => isErrorCode(error, "task", "invalid_input");
    await assert.rejects(steps.answerMany(context, []), invalid);
    const many = Array.from({ length: 101 }, () => ({ approvalId: "b", optionId: "yes" }));
    await assert.rejects(steps.answerMany(context, many), invalid);
  });

  test("to a question of the gate that is settled already says so", async () => {
    const { state, steps, context } = asked({ waits: false });
    state.approvals = [{ ...approval, boundary: { tool: "mail.send" } }];
    await assert.rejects(steps.answer(context, "a", "yes"), (error) =>
      isErrorCode(error, "approval", "already_settled"),
    );
  });
});
