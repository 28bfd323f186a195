import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode, systemPorts } from "@holdfast/core";
import type { ApprovalChoice } from "./host.ts";
import { toTaskView } from "./sessions/view.ts";
import { newPrompt, newTaskState } from "./task-state.ts";
import { type TaskContext, TaskSteps } from "./task-steps.ts";
import { applyReport } from "./turns/reports.ts";
import { takeWork } from "./turns/work.ts";

const approval = {
  ...{ id: "a", title: "?", detail: "", truncated: false, createdAt: 1 },
  options: [{ id: "yes", kind: "allow_once", name: "Allow" } as const],
  expiresAt: Number.MAX_SAFE_INTEGER,
};

const ada = { person: "ada", startedBy: { id: "ada", name: "Ada" } };

interface QuestionOptions {
  readonly isAwaiting: boolean;
  readonly isDelivered?: boolean;
  readonly stop?: () => Promise<void>;
}

/** A task whose agent has an open question, on a host that knows whether anything still waits for the answer. */
function createTaskWithQuestion({ isAwaiting, isDelivered = isAwaiting, stop }: QuestionOptions) {
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
  const watched: string[] = [];
  const unused = () => Promise.reject(new Error("not a part of an answer"));
  const steps = new TaskSteps(
    {
      ports: systemPorts(),
      ...{ runs: () => false, runsWithActor: false, claimOf: () => undefined, wake: () => {} },
      ...{ settled: unused, release: unused },
      isAwaitingAnswer: async () => isAwaiting,
      deliverAnswer: async (_taskId, _approvalId, choice) => {
        delivered.push(choice);
        return isDelivered;
      },
      watchQuestion: (taskId, sessionId, id) => void watched.push(`${taskId} ${sessionId} ${id}`),
      requireBudget: async () => {},
      stop: stop ?? unused,
      ...{ snapshot: unused, branchName: unused, apply: unused },
      ...{ closeSession: unused, copies: { has: () => false, size: unused, remove: unused, keep: unused } },
      notifications: {
        ...{ hasMail: false, pushKey: unused, standing: unused, mentioned: unused, send: unused },
        ...{ checkAddress: unused, storeSecret: unused, deleteSecret: unused },
      },
    },
    { bring: async () => {}, trySave: async () => {} },
  );
  const context: TaskContext = {
    state,
    vars: {
      applyTail: Promise.resolve(),
      publishTail: Promise.resolve(),
      stackTail: Promise.resolve(),
      isPublishing: false,
      filesTail: Promise.resolve(),
      hasResumed: false,
    },
    blob: {} as TaskContext["blob"],
    ...{
      keepAwake: (promise) => promise,
      cron: { every: unused, delete: unused },
      schedule: { after: unused },
    },
    broadcast: () => {},
    client: () => ({
      get: () => ({ action: unused }),
      getOrCreate: () => ({ send: async () => {}, resolve: unused }),
    }),
    waitUntil: (promise) => void promise.catch(() => {}),
    saveState: () => Promise.resolve(),
  };
  return { state, steps, context, delivered, watched };
}

describe("a stop", () => {
  test("that finishes after another stop keeps the prompts that arrived in between", async () => {
    const ends = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let stops = 0;
    const { state, steps, context } = createTaskWithQuestion({
      isAwaiting: true,
      stop: () => ends[stops++]?.promise ?? Promise.resolve(),
    });
    const first = steps.stop(context);
    const second = steps.stop(context);
    ends[0]?.resolve();
    await first;
    assert.deepEqual([state.status, state.stopping], ["stopped", false]);
    state.prompts.push(newPrompt({ id: "p2", text: "go on" }));
    ends[1]?.resolve();
    await second;
    assert.deepEqual(
      state.prompts.map(({ id, state: at }) => `${id} ${at}`),
      ["p1 cancelled", "p2 queued"],
    );
  });
});

describe("the origin of a task", () => {
  test("is the event of its newest prompt, or nothing if a person wrote that prompt", async () => {
    const { state, steps, context } = createTaskWithQuestion({ isAwaiting: true });
    const { getOrCreate } = context.client();
    const known = {
      ...context,
      client: () => ({ getOrCreate, get: () => ({ action: async () => 1 as never }) }),
    };
    state.group = "g";
    const origin = { group: "g", topic: "mail", source: "plugin:mail", event: 7 };
    await steps.promptOnce(known, { id: "p2", text: "a mail came", origin });
    assert.deepEqual(toTaskView(state).origin, origin);
    await steps.prompt(known, "and now this", { person: "ada" });
    assert.equal(toTaskView(state).origin, undefined);
  });
});

describe("a gate question shown by an earlier process", () => {
  for (const isAwaiting of [true, false]) {
    test(`is ${isAwaiting ? "watched" : "settled"} when its task restarts`, async () => {
      const { state, steps, context, watched } = createTaskWithQuestion({ isAwaiting });
      state.approvals = [
        { ...approval, boundary: { tool: "mail.send" } },
        { ...approval, id: "own" },
      ];
      await steps.answers.reconcileGateQuestions(context);
      assert.deepEqual(
        state.approvals.map(({ id }) => id),
        isAwaiting ? ["a", "own"] : ["own"],
      );
      // The outcome must appear in the session's log too.
      assert.deepEqual(watched, ["t s a"]);
    });
  }
});

describe("an answer", () => {
  test("is consumed and delivered to the waiting agent", async () => {
    const { state, steps, context, delivered } = createTaskWithQuestion({ isAwaiting: true });
    await steps.answers.answer(context, "a", "yes", ada);
    assert.deepEqual(delivered, [{ optionId: "yes", allowed: true, by: { person: "ada", name: "Ada" } }]);
    assert.deepEqual([state.approvals, state.settled], [[], ["a"]]);
    await assert.rejects(
      steps.answers.answer(context, "a", "yes", { person: "operator" }),
      (error) =>
        isErrorCode(error, "approval", "already_settled") &&
        error.message === "Ada has already answered this question: Allow",
    );
  });

  test("to a dead agent is refused, and its question is left for the runner to settle", async () => {
    const { state, steps, context, delivered } = createTaskWithQuestion({ isAwaiting: false });
    await assert.rejects(
      steps.answers.answer(context, "a", "yes", ada),
      (error) => isErrorCode(error, "approval", "agent_gone") && /will ask again/.test(error.message),
    );
    assert.deepEqual(delivered, []);
    assert.deepEqual(takeWork(state)?.staleApprovals, ["a"]);
  });

  test("that the agent did not live to receive is not reported as delivered", async () => {
    const { state, steps, context } = createTaskWithQuestion({ isAwaiting: true, isDelivered: false });
    await assert.rejects(steps.answers.answer(context, "a", "yes", ada), (error) =>
      isErrorCode(error, "approval", "agent_gone"),
    );
    assert.deepEqual(state.approvals, []);
  });

  test("to many questions settles each open one, whatever happens to the others", async () => {
    const { state, steps, context, delivered } = createTaskWithQuestion({ isAwaiting: true });
    for (const id of ["b", "c"])
      applyReport(state, { type: "approval-requested", approval: { ...approval, id } });
    const outcomes = await steps.answers.answerMany(
      context,
      [
        { approvalId: "a", optionId: "yes" },
        { approvalId: "gone", optionId: "yes" },
        { approvalId: "b", optionId: "perhaps" },
        { approvalId: "a", optionId: "yes" },
        { approvalId: "c", optionId: "yes" },
      ],
      ada,
    );
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
    await assert.rejects(steps.answers.answerMany(context, [], ada), invalid);
    const many = Array.from({ length: 101 }, () => ({ approvalId: "b", optionId: "yes" }));
    await assert.rejects(steps.answers.answerMany(context, many, ada), invalid);
  });

  test("to an already settled gate question is refused with that reason", async () => {
    const { state, steps, context } = createTaskWithQuestion({ isAwaiting: false });
    state.approvals = [{ ...approval, boundary: { tool: "mail.send" } }];
    await assert.rejects(steps.answers.answer(context, "a", "yes", ada), (error) =>
      isErrorCode(error, "approval", "already_settled"),
    );
  });
});
