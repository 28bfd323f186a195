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
  viewOf,
} from "./task-state.ts";
import { TaskSteps } from "./task-steps.ts";
import { requireText } from "./validate.ts";

export interface TaskVars {
  /** Applies of this task, one after the other. */
  applying: Promise<unknown>;
}

/** One piece of work on one repository: a durable state machine and the queue of its prompts. */
export function createTaskActor(host: BackendHost) {
  const steps = new TaskSteps(host);
  return actor({
    createState: (_c, input: { readonly token: string }): TaskState =>
      newTaskState(host.handover.take(input?.token, isTaskInput), steps.newId()),
    createVars: (): TaskVars => ({ applying: Promise.resolve() }),
    events: { changed: event<TaskView>() },
    onWake: (c): void => steps.lookAfterQuestions(c),
    options: { name: "Task", actionTimeout: 180_000 },
    actions: {
      get: (c): TaskView => viewOf(c.state),

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
        const turn = c.vars.applying.then(() => steps.apply(c, branch));
        c.vars.applying = turn.catch(() => undefined);
        return c.keepAwake(turn);
      },

      internal: {
        /** The runner asks what to do; the answer is durable before the runner gets it. */
        next(c): TaskWork | null {
          const work = takeWork(c.state);
          if (work === undefined) return null;
          // Whether there is a jail is a matter of the server that works on it, not of the one that made it.
          c.state.unsafe = host.unsafe;
          steps.changed(c);
          return work;
        },

        report(c, report: TaskReport): void {
          applyReport(c.state, report);
          steps.changed(c);
        },

        recover: (c): Promise<void> => steps.recover(c),

        promptOnce: (c, prompt: GroupPrompt): Promise<void> => steps.promptOnce(c, prompt),

        /** What became of a prompt; null when it is not known (any more). */
        promptState: (c, promptId: string): PromptRow["state"] | null =>
          c.state.prompts.find((row) => row.id === promptId)?.state ?? null,
      },
    },
  });
}
