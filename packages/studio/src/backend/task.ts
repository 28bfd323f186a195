import { actor, event } from "@holdfast/actors";
import type {
  AppliedBranch,
  ApprovalAnswer,
  ApprovalAnswerOutcome,
  DiffView,
  TaskView,
} from "../contract.ts";
import type { BackendHost } from "./host.ts";
import {
  applyReport,
  type GroupPrompt,
  isTaskInput,
  newTaskState,
  type PromptRow,
  type TaskReport,
  type TaskState,
  type TaskWork,
  takeWork,
  toTaskView,
} from "./task-state.ts";
import { TaskSteps } from "./task-steps.ts";
import { requireText } from "./validate.ts";

export interface TaskVars {
  /** Tail of the mutex that serializes applies. */
  applyTail: Promise<unknown>;
}

/** A unit of work on one repository: a durable state machine with a queue of prompts. */
export function createTaskActor(host: BackendHost) {
  const steps = new TaskSteps(host);
  return actor({
    createState: (_c, input: { readonly token: string }): TaskState =>
      newTaskState(host.handover.take(input?.token, isTaskInput), steps.newId()),
    createVars: (): TaskVars => ({ applyTail: Promise.resolve() }),
    events: { changed: event<TaskView>() },
    onWake: (c): void => steps.reconcileGateQuestions(c),
    options: { name: "Task", actionTimeout: 180_000 },
    actions: {
      get: (c): TaskView => toTaskView(c.state),

      prompt: (c, text: string): Promise<void> => steps.prompt(c, text),

      stop: (c): Promise<void> => steps.stop(c),

      answer: (c, approvalId: string, optionId: string): Promise<void> =>
        steps.answer(c, approvalId, optionId),

      answerMany: (c, answers: readonly ApprovalAnswer[]): Promise<readonly ApprovalAnswerOutcome[]> =>
        steps.answerMany(c, answers),

      async diff(c): Promise<DiffView> {
        const { base } = c.state;
        if (base === undefined) return { base: "", files: [], truncated: false };
        return c.keepAwake(host.diff(c.state.id, base.commit));
      },

      async apply(c, options?: { readonly branch?: string }): Promise<AppliedBranch> {
        const branch = options?.branch;
        if (branch !== undefined) {
          requireText(branch, "branch", 200);
          await host.requireBranchName(branch);
        }
        const turn = c.vars.applyTail.then(() => steps.apply(c, branch));
        c.vars.applyTail = turn.catch(() => undefined);
        return c.keepAwake(turn);
      },

      internal: {
        /** Hands the next prompt to the runner; durable before the runner gets it. */
        next(c): TaskWork | null {
          const work = takeWork(c.state);
          if (work === undefined) return null;
          // The server that runs the task decides whether it is jailed, not the one that created it.
          c.state.unsafe = host.unsafe;
          steps.publishChange(c);
          return work;
        },

        report(c, report: TaskReport): void {
          applyReport(c.state, report);
          steps.publishChange(c);
        },

        recover: (c): Promise<void> => steps.recover(c),

        promptOnce: (c, prompt: GroupPrompt): Promise<void> => steps.promptOnce(c, prompt),

        /** State of a prompt; null if there is no record of it. */
        promptState: (c, promptId: string): PromptRow["state"] | null =>
          c.state.prompts.find((row) => row.id === promptId)?.state ?? null,
      },
    },
  });
}
