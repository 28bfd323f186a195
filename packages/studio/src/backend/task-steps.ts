import { HoldfastError, isHoldfastError, uuidv7 } from "@holdfast/core";
import type {
  AppliedBranch,
  ApprovalAnswer,
  ApprovalAnswerOutcome,
  ApprovalView,
  TaskView,
} from "../contract.ts";
import type { ApplyPlan } from "../git/apply.ts";
import { studioLimits } from "../limits.ts";
import type { BackendHost } from "./host.ts";
import {
  applyReport,
  type GroupPrompt,
  hasOpenEvent,
  isActive,
  newPrompt,
  settleApproval,
  summaryOf,
  type TaskState,
  viewOf,
} from "./task-state.ts";
import { requireList, requirePrompt, requireText } from "./validate.ts";

/** What a step needs of the actor's context, which has more. */
export interface TaskContext {
  readonly state: TaskState;
  readonly broadcast: (name: "changed", view: TaskView) => void;
  client(): {
    get(name: string, key: string[]): { action<Result>(options: CallOptions): Promise<Result> };
  };
  waitUntil(promise: Promise<unknown>): void;
  saveState(): Promise<void>;
}

interface CallOptions {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** What the steps ask of the process around them. */
export type TaskHost = Pick<
  BackendHost,
  "ports" | "wake" | "stop" | "waits" | "answer" | "watchQuestion" | "snapshot" | "branchName" | "apply"
>;

/** The steps of a task that take more than a line: each writes down what it is about to do, then does it. */
export class TaskSteps {
  readonly #host: TaskHost;

  constructor(host: TaskHost) {
    this.#host = host;
  }

  newId(): string {
    return uuidv7(this.#host.ports.clock, this.#host.ports.random);
  }

  /** Tells everybody who watches the task, and the index. */
  changed(c: TaskContext): void {
    c.state.revision += 1;
    c.state.updatedAt = this.#now();
    c.broadcast("changed", viewOf(c.state));
    c.waitUntil(this.#tellOrganization(c));
    if (c.state.group !== undefined && !hasOpenEvent(c.state)) c.waitUntil(this.#tellGroup(c, c.state.group));
  }

  /**
   * At each start of the actor. A question of the gate outlives the process that has shown it: what was
   * settled since then, or is settled without an agent that would tell of it, would be asked for ever.
   */
  lookAfterQuestions(c: TaskContext): void {
    const { id: taskId, sessionId, approvals } = c.state;
    const asked = approvals.filter(({ boundary }) => boundary !== undefined).map(({ id }) => id);
    const over = asked.filter((id) => !this.#host.waits(taskId, id));
    for (const id of over) settleApproval(c.state, id);
    for (const id of asked) this.#host.watchQuestion(taskId, sessionId, id);
    if (over.length > 0) this.changed(c);
  }

  async prompt(c: TaskContext, text: string): Promise<void> {
    requirePrompt(text);
    await this.#enqueue(c, { id: this.newId(), text });
  }

  async #enqueue(c: TaskContext, prompt: Omit<GroupPrompt, "origin"> & Partial<GroupPrompt>): Promise<void> {
    if (c.state.stopping) {
      const message = "The task is being stopped: try again in a moment";
      throw new HoldfastError("task", "stopping", message, { statusCode: 409 });
    }
    const waiting = c.state.prompts.filter((row) => row.state === "queued").length;
    if (waiting >= studioLimits.maxQueuedPrompts) {
      const message = `${waiting} prompts wait already: let the agent finish some, or stop it`;
      throw new HoldfastError("task", "queue_full", message, { statusCode: 429 });
    }
    await this.#markActive(c);
    // While the index was told, the same one may have come again.
    if (c.state.prompts.some((row) => row.id === prompt.id)) return;
    c.state.prompts.push(newPrompt(prompt));
    c.state.origin = prompt.origin === undefined ? undefined : { ...prompt.origin };
    if (c.state.status !== "waiting" && c.state.status !== "preparing") c.state.status = "running";
    c.state.error = undefined;
    this.changed(c);
    await c.saveState();
    this.#host.wake(c.state.id);
  }

  /** A prompt of the task's group. One that is handed in again is there already. */
  async promptOnce(c: TaskContext, prompt: GroupPrompt): Promise<void> {
    if (c.state.group === undefined) throw new HoldfastError("task", "no_group", "The task is of no group");
    if (c.state.prompts.some((row) => row.id === prompt.id)) return;
    await this.#enqueue(c, prompt);
  }

  async stop(c: TaskContext): Promise<void> {
    if (!c.state.prompts.some((row) => row.state === "sent" || row.state === "queued")) return;
    c.state.stopping = true;
    await c.saveState();
    await this.#finishStop(c);
  }

  async answer(c: TaskContext, approvalId: string, optionId: string): Promise<void> {
    requireText(approvalId, "approvalId", 200);
    requireText(optionId, "optionId", 200);
    const approval = c.state.approvals.find((each) => each.id === approvalId);
    if (approval === undefined) throw unknownApproval(c.state, approvalId);
    if (approval.expiresAt <= this.#now()) {
      throw new HoldfastError("approval", "expired", "This question has expired", { statusCode: 410 });
    }
    const option = approval.options.find((each) => each.id === optionId);
    if (option === undefined) {
      const message = "The agent did not offer this answer";
      throw new HoldfastError("approval", "invalid_option", message, { statusCode: 400 });
    }
    // After a crash the question stands here until the runner takes it away: nobody waits for its answer.
    if (!this.#host.waits(c.state.id, approvalId)) throw unheardAnswer(approval);
    const allowed = option.kind === "allow_once" || option.kind === "allow_always";
    settleApproval(c.state, approvalId);
    this.changed(c);
    // The record is used up durably before the agent learns of it: it can never be used twice.
    await c.saveState();
    const heard = await this.#host.answer(c.state.id, approvalId, { optionId, allowed });
    if (!heard) throw unheardAnswer(approval);
  }

  /** Each for itself: another window may have settled one of them meanwhile. */
  async answerMany(
    c: TaskContext,
    answers: readonly ApprovalAnswer[],
  ): Promise<readonly ApprovalAnswerOutcome[]> {
    requireList(answers, "answers", studioLimits.maxAnswersAtOnce);
    const outcomes: ApprovalAnswerOutcome[] = [];
    for (const { approvalId, optionId } of answers) {
      try {
        await this.answer(c, approvalId, optionId);
        outcomes.push({ approvalId });
      } catch (error) {
        if (!isHoldfastError(error)) throw error;
        const { group, code, message } = error;
        outcomes.push({ approvalId, error: { group, code, message } });
      }
    }
    return outcomes;
  }

  async apply(c: TaskContext, branch: string | undefined): Promise<AppliedBranch> {
    const { base } = c.state;
    if (base === undefined) {
      const message = "The repository has not been cloned yet: try again in a moment";
      throw new HoldfastError("task", "not_prepared", message, { statusCode: 409 });
    }
    const tree = await this.#host.snapshot(c.state.id);
    const before = c.state.apply?.plan;
    const same = before?.tree === tree && (branch === undefined || branch === before.branch);
    await this.#markActive(c);
    const plan: ApplyPlan = same
      ? { ...before }
      : {
          tree,
          base: base.commit,
          branch: branch ?? (await this.#host.branchName(c.state.repository, c.state.title)),
          message: `${c.state.title}\n\nWritten by ${c.state.agent} in Holdfast task ${c.state.id}.\n`,
          at: this.#now(),
        };
    c.state.apply = { plan, done: false };
    await c.saveState();
    return this.#finishApply(c, plan);
  }

  /** After a start of the server: goes on where the last process was ended. */
  async recover(c: TaskContext): Promise<void> {
    const pending = c.state.apply;
    if (pending?.done === false) {
      await this.#finishApply(c, { ...pending.plan }).catch((error: unknown) => {
        this.#host.ports.log.warn("an apply could not be finished", { taskId: c.state.id, error });
      });
    }
    if (c.state.stopping) await this.#finishStop(c);
    this.changed(c);
    await c.saveState();
    if (isActive(c.state)) this.#host.wake(c.state.id);
  }

  async #finishStop(c: TaskContext): Promise<void> {
    if (c.state.stopping) await this.#host.stop(c.state.id);
    // Of two stops the other one has done the rest: a prompt that came since then is not meant.
    if (!c.state.stopping) return;
    applyReport(c.state, { type: "stopped" });
    this.changed(c);
  }

  async #finishApply(c: TaskContext, plan: ApplyPlan): Promise<AppliedBranch> {
    try {
      const result = await this.#host.apply(c.state.id, c.state.repository, plan);
      const applied = { ...result, appliedAt: plan.at };
      c.state.apply = { plan, done: true };
      c.state.applied = applied;
      return applied;
    } catch (error) {
      // A refusal is final; anything else may be tried again, also by itself after a restart.
      if (isHoldfastError(error)) c.state.apply = undefined;
      throw error;
    } finally {
      this.changed(c);
    }
  }

  /** From here on a crash brings the task back: the index knows before the task does. */
  async #markActive(c: TaskContext): Promise<void> {
    c.state.wake = await this.#callOrganization<number>(c, "internal.wake", c.state.id);
  }

  /** The index follows; what it misses in a crash it asks for when it starts again. */
  async #tellOrganization(c: TaskContext): Promise<void> {
    const { revision, wake } = c.state;
    const change = { summary: summaryOf(c.state), revision, wake, active: isActive(c.state) };
    try {
      await this.#callOrganization(c, "internal.taskChanged", change);
    } catch (error) {
      this.#host.ports.log.warn("the organization did not hear of a change", { taskId: c.state.id, error });
    }
  }

  /** The group begins its next event; what it misses in a crash it asks for when it starts again. */
  async #tellGroup(c: TaskContext, group: string): Promise<void> {
    try {
      await c.client().get("group", [group]).action({ name: "internal.taskChanged", args: [] });
    } catch (error) {
      this.#host.ports.log.warn("a group did not hear of the end of a turn", { taskId: c.state.id, error });
    }
  }

  #callOrganization<Result>(c: TaskContext, name: string, ...args: unknown[]): Promise<Result> {
    return c.client().get("organization", ["local"]).action<Result>({ name, args });
  }

  #now(): number {
    return this.#host.ports.clock.now();
  }
}

function unknownApproval(state: TaskState, approvalId: string): HoldfastError {
  return state.settled.includes(approvalId)
    ? alreadySettled()
    : new HoldfastError("approval", "not_found", "There is no such question", { statusCode: 404 });
}

/**
 * An answer is never kept for the agent that is started next: it may have done other things before it
 * asks the same again, and whoever answered has not seen those.
 */
function unheardAnswer({ boundary }: ApprovalView): HoldfastError {
  if (boundary !== undefined) return alreadySettled();
  const message =
    "The agent that asked this is gone, and the answer went nowhere. " +
    "When it goes on and still needs to know, it asks again.";
  return new HoldfastError("approval", "agent_gone", message, { statusCode: 409 });
}

function alreadySettled(): HoldfastError {
  const message = "This question has been answered already";
  return new HoldfastError("approval", "already_settled", message, { statusCode: 409 });
}
