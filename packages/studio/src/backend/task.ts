import { actor, event } from "@holdfast/actors";
import { HoldfastError, isHoldfastError, uuidv7 } from "@holdfast/core";
import type { AppliedBranch, DiffView, TaskView } from "../contract.ts";
import type { ApplyPlan } from "../git/apply.ts";
import { studioLimits } from "../limits.ts";
import type { BackendHost } from "./host.ts";
import {
  applyReport,
  isActive,
  isTaskInput,
  newTaskState,
  settleApproval,
  summaryOf,
  type TaskReport,
  type TaskState,
  type TaskWork,
  takeWork,
  viewOf,
} from "./task-state.ts";
import { requirePrompt, requireText } from "./validate.ts";

/** What the helpers below need of a context; the actor's own context has more. */
interface TaskContext {
  readonly state: TaskState;
  readonly vars: TaskVars;
  readonly broadcast: (name: "changed", view: TaskView) => void;
  client(): { get(name: string, key: string[]): { action<Result>(options: CallOptions): Promise<Result> } };
  waitUntil(promise: Promise<unknown>): void;
  saveState(): Promise<void>;
  keepAwake<T>(promise: Promise<T>): Promise<T>;
}

interface CallOptions {
  readonly name: string;
  readonly args: readonly unknown[];
}

export interface TaskVars {
  /** Applies of this task, one after the other. */
  applying: Promise<unknown>;
}

/** One piece of work on one repository: a durable state machine and the queue of its prompts. */
export function createTaskActor(host: BackendHost) {
  const now = () => host.ports.clock.now();
  const newId = () => uuidv7(host.ports.clock, host.ports.random);

  function changed(c: TaskContext): void {
    c.state.revision += 1;
    c.state.updatedAt = now();
    const view = viewOf(c.state);
    c.broadcast("changed", view);
    c.waitUntil(tellOrganization(c));
  }

  /** The organization's index follows; what it misses in a crash it asks for when it starts again. */
  async function tellOrganization(c: TaskContext): Promise<void> {
    const { revision, wake } = c.state;
    const change = { summary: summaryOf(c.state), revision, wake, active: isActive(c.state) };
    try {
      await callOrganization(c, "internal.taskChanged", change);
    } catch (error) {
      host.ports.log.warn("the organization did not hear of a change", { taskId: c.state.id, error });
    }
  }

  function callOrganization<Result>(c: TaskContext, name: string, ...args: unknown[]): Promise<Result> {
    return c.client().get("organization", ["local"]).action<Result>({ name, args });
  }

  /** From here on a crash brings the task back: the index knows before the task does. */
  async function markActive(c: TaskContext): Promise<void> {
    c.state.wake = await callOrganization<number>(c, "internal.wake", c.state.id);
  }

  async function finishApply(c: TaskContext, plan: ApplyPlan): Promise<AppliedBranch> {
    try {
      const result = await host.apply(c.state.id, c.state.repository, plan);
      const applied = { ...result, appliedAt: plan.at };
      c.state.apply = { plan, done: true };
      c.state.applied = applied;
      return applied;
    } catch (error) {
      // A refusal is final; anything else may be tried again, also by itself after a restart.
      if (isHoldfastError(error)) c.state.apply = undefined;
      throw error;
    } finally {
      changed(c);
    }
  }

  async function apply(c: TaskContext, branch: string | undefined): Promise<AppliedBranch> {
    const { base } = c.state;
    if (base === undefined) throw notPrepared();
    const tree = await host.snapshot(c.state.id);
    const before = c.state.apply?.plan;
    const same = before?.tree === tree && (branch === undefined || branch === before.branch);
    await markActive(c);
    const plan: ApplyPlan = same
      ? { ...before }
      : {
          tree,
          base: base.commit,
          branch: branch ?? (await host.branchName(c.state.repository, c.state.title)),
          message: `${c.state.title}\n\nWritten by ${c.state.agent} in Holdfast task ${c.state.id}.\n`,
          at: now(),
        };
    c.state.apply = { plan, done: false };
    await c.saveState();
    return finishApply(c, plan);
  }

  return actor({
    createState: (_c, input: { readonly token: string }): TaskState =>
      newTaskState(host.handover.take(input?.token, isTaskInput), newId()),
    createVars: (): TaskVars => ({ applying: Promise.resolve() }),
    events: { changed: event<TaskView>() },
    options: { name: "Task", actionTimeout: 180_000 },
    actions: {
      get: (c): TaskView => viewOf(c.state),

      async prompt(c, text: string): Promise<void> {
        requirePrompt(text);
        const waiting = c.state.prompts.filter((row) => row.state === "queued").length;
        if (waiting >= studioLimits.maxQueuedPrompts) {
          const message = `${waiting} prompts wait already: let the agent finish some, or stop it`;
          throw new HoldfastError("task", "queue_full", message, { statusCode: 429 });
        }
        await markActive(c);
        c.state.prompts.push({ id: newId(), text, state: "queued", attempts: 0 });
        if (c.state.status !== "waiting" && c.state.status !== "preparing") c.state.status = "running";
        c.state.error = undefined;
        changed(c);
        await c.saveState();
        host.wake(c.state.id);
      },

      async stop(c): Promise<void> {
        if (!c.state.prompts.some((row) => row.state === "sent" || row.state === "queued")) return;
        c.state.stopping = true;
        await c.saveState();
        await host.stop(c.state.id);
        applyReport(c.state, { type: "stopped" });
        changed(c);
      },

      async answer(c, approvalId: string, optionId: string): Promise<void> {
        requireText(approvalId, "approvalId", 200);
        requireText(optionId, "optionId", 200);
        const approval = c.state.approvals.find((each) => each.id === approvalId);
        if (approval === undefined) throw unknownApproval(c.state, approvalId);
        if (approval.expiresAt <= now()) {
          throw new HoldfastError("approval", "expired", "This question has expired", { statusCode: 410 });
        }
        const option = approval.options.find((each) => each.id === optionId);
        if (option === undefined) {
          throw new HoldfastError("approval", "invalid_option", "The agent did not offer this answer", {
            statusCode: 400,
          });
        }
        const allowed = option.kind === "allow_once" || option.kind === "allow_always";
        settleApproval(c.state, approvalId);
        changed(c);
        // The record is used up durably before the agent learns of it: it can never be used twice.
        await c.saveState();
        await host.answer(c.state.id, approvalId, { optionId, allowed });
      },

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
        const turn = c.vars.applying.then(() => apply(c, branch));
        c.vars.applying = turn.catch(() => undefined);
        return c.keepAwake(turn);
      },

      internal: {
        /** The runner asks what to do; the answer is durable before the runner gets it. */
        next(c): TaskWork | null {
          const work = takeWork(c.state);
          if (work !== undefined) changed(c);
          return work ?? null;
        },

        report(c, report: TaskReport): void {
          applyReport(c.state, report);
          changed(c);
        },

        /** After a start of the server: goes on where the last process was ended. */
        async recover(c): Promise<void> {
          const pending = c.state.apply;
          if (pending?.done === false) {
            await finishApply(c, { ...pending.plan }).catch((error: unknown) => {
              host.ports.log.warn("an apply could not be finished after a restart", {
                taskId: c.state.id,
                error,
              });
            });
          }
          if (c.state.stopping) {
            await host.stop(c.state.id);
            applyReport(c.state, { type: "stopped" });
          }
          changed(c);
          await c.saveState();
          if (isActive(c.state)) host.wake(c.state.id);
        },
      },
    },
  });
}

function unknownApproval(state: TaskState, approvalId: string): HoldfastError {
  return state.settled.includes(approvalId)
    ? new HoldfastError("approval", "already_settled", "This question has been answered already", {
        statusCode: 409,
      })
    : new HoldfastError("approval", "not_found", "There is no such question", { statusCode: 404 });
}

function notPrepared(): HoldfastError {
  return new HoldfastError(
    "task",
    "not_prepared",
    "The repository has not been cloned yet: try again in a moment",
    {
      statusCode: 409,
    },
  );
}
