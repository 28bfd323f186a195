import { actor, event } from "@holdfast/actors";
import { TaskFiles } from "../cluster/task-files.ts";
import type {
  AppliedBranch,
  ApprovalAnswer,
  ApprovalAnswerOutcome,
  SessionChoice,
  TaskStorage,
  TaskView,
} from "../contract.ts";
import { portableState } from "../portability/format.ts";
import { checksActions, checksEvents } from "./checks/actions.ts";
import { AttemptChecks } from "./checks/attempt-checks.ts";
import { forkActions } from "./forks/actions.ts";
import type { BackendHost } from "./host.ts";
import { beginTask } from "./inbox/begin.ts";
import { watchActions } from "./inbox/watch.ts";
import { labelActions } from "./labels/actions.ts";
import { approvalInternals } from "./notifications/task-approvals.ts";
import { ownershipActions } from "./ownership/actions.ts";
import { promptActions } from "./prompts/actions.ts";
import {
  createPublishing,
  type PublishingContext,
  publishActions,
  publishEvents,
  publishInternals,
} from "./publish/actions.ts";
import { createReviewing, type ReviewedContext, reviewActions, reviewEvents } from "./review/actions.ts";
import { savedFilesActions } from "./review/saved-files.ts";
import { sessionActions, sessionEvents } from "./sessions/actions.ts";
import { runnerActions } from "./sessions/internals.ts";
import { toTaskView } from "./sessions/view.ts";
import { createStacking, stackActions, stackInternals } from "./stacks/actions.ts";
import { releaseRunner, watchRunner } from "./task-runner.ts";
import {
  findPrompt,
  type GroupPrompt,
  isTaskInput,
  newTaskState,
  type PromptRow,
  type TaskInput,
  type TaskState,
} from "./task-state.ts";
import { newTaskVars, TaskSteps } from "./task-steps.ts";
import { connStateOf, type PersonConnState } from "./tasks/actions.ts";
import { eraseTask, taskStorage } from "./tasks/erase.ts";
import { TranscriptText } from "./tasks/transcript-text.ts";
import { requireText } from "./validate.ts";

/** A new task, or one of an import. */
function isNewTask(value: unknown): value is TaskInput | { readonly restored: TaskState } {
  return isTaskInput(value) || (typeof value === "object" && value !== null && "restored" in value);
}

/** A unit of work on one repository: a durable state machine with a queue of prompts. */
export function createTaskActor(host: BackendHost) {
  const { files, steps, text, reviewing, publishing, stacking, turns, recover } = partsOf(host);
  return actor({
    createState(_c, input: { readonly token: string }): TaskState {
      const given = host.valueTokens.take(input?.token, isNewTask);
      return "restored" in given ? given.restored : newTaskState(given, steps.newId());
    },
    createConnState: async (c): Promise<PersonConnState> => connStateOf(await host.personOf(c.request)),
    createVars: newTaskVars,
    events: {
      changed: event<TaskView>(),
      ...reviewEvents,
      ...checksEvents,
      ...sessionEvents,
      ...publishEvents,
    },
    async onWake(c): Promise<void> {
      c.vars.stopping = c.abortSignal;
      const reconciled = steps.answers.reconcileGateQuestions(c);
      // A move that a crash has interrupted.
      if (host.runs(c.state.id)) stacking.catchUp(c);
      if (!host.runsWithActor) return reconciled;
      // The questions of the gate may be on a node that has just died: the task does not wait for them.
      c.waitUntil(reconciled);
      // Whatever ends this instance: from then on, another node may run the task.
      c.abortSignal.addEventListener("abort", () => void host.release(c.state.id), { once: true });
      c.waitUntil(recover(c));
    },
    onSleep: async (c): Promise<void> => {
      if (host.runsWithActor) await releaseRunner(host, c, () => files.trySave(c));
    },
    options: {
      name: "Task",
      actionTimeout: 180_000,
      // Time for the snapshot of a task that goes on at another node.
      ...(host.runsWithActor ? { sleepGracePeriod: 60_000 } : {}),
    },
    actions: {
      get: (c): TaskView => toTaskView(c.state),

      ...promptActions(host, files, steps),

      async stop(c, session?: SessionChoice): Promise<void> {
        await steps.stop(c, session);
        await text.schedule(c);
        c.waitUntil(turns.turnEnded(c));
      },

      answer: (c, approvalId: string, optionId: string): Promise<void> =>
        steps.answers.answer(c, approvalId, optionId, c.conn.state),

      answerMany: (c, answers: readonly ApprovalAnswer[]): Promise<readonly ApprovalAnswerOutcome[]> =>
        steps.answers.answerMany(c, answers, c.conn.state),

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

      ...sessionActions(host, steps, files),

      ...{
        ...reviewActions(reviewing, steps),
        ...savedFilesActions(host.changes, files),
        ...checksActions(reviewing.checks, new AttemptChecks(host, files), steps),
      },

      ...{ ...watchActions(steps), ...ownershipActions(host, steps), ...labelActions(steps) },

      ...{ ...publishActions(publishing, steps), ...stackActions(stacking, steps) },

      ...forkActions(host, steps),

      internal: {
        ...{ ...publishInternals(publishing), ...stackInternals(stacking), ...approvalInternals(steps) },

        ...runnerActions(host, steps, text, turns),

        recover: (c): Promise<void> => recover(c),

        /** Starts the work on a new task. */
        async begin(c): Promise<void> {
          await beginTask(host, c, steps);
          c.waitUntil(stacking.register(c));
        },

        watch: (c): Promise<void> => watchRunner(host, c),

        bringFiles: (c, claim?: number): Promise<void> => files.bringFor(c, claim),

        saveFiles: (c, claim?: number): Promise<void> => files.saveFor(c, claim),

        /** Makes the new part of the transcript findable. */
        pushText: (c): Promise<void> => text.push(c),

        /** The task for an export. */
        portable: (c): TaskState => portableState(c.state),

        storage: (c): Promise<TaskStorage> => taskStorage(host, c),

        /** Deletes the task, its sessions and its files. Returns what was freed. Throws `task.busy`. */
        erase: (c): Promise<TaskStorage> =>
          eraseTask(host, c, { stop: () => reviewing.checks.stop(c), report: () => steps.reportDeletion(c) }),

        promptOnce: (c, prompt: GroupPrompt): Promise<void> => steps.promptOnce(c, prompt),

        /** State of a prompt; null if there is no record of it. */
        promptState: (c, promptId: string): PromptRow["state"] | null =>
          findPrompt(c.state, promptId)?.state ?? null,
      },
    },
  });
}

/** The parts of a task, which hear of each other's news. */
function partsOf(host: BackendHost) {
  const files = new TaskFiles(host);
  const steps = new TaskSteps(host, files);
  const text = new TranscriptText(host);
  const reviewing = createReviewing(host, files);
  const publishing = createPublishing(host, files, steps, (c) => c.waitUntil(stacking.tellChildren(c)));
  const onTree = (c: ReviewedContext, tree: string) => reviewing.onTree(c, tree);
  const stacking = createStacking(host, files, steps, { publishing, onTree });
  const turns = {
    async turnEnded(c: PublishingContext, promptId?: string): Promise<void> {
      await reviewing.turnEnded(c, promptId);
      stacking.catchUp(c);
    },
  };
  const recover = async (c: PublishingContext): Promise<void> => {
    await steps.recover(c);
    await publishing.resume(c);
    c.waitUntil(stacking.register(c));
  };
  return { files, steps, text, reviewing, publishing, stacking, turns, recover };
}
