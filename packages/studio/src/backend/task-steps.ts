import { HoldfastError, isHoldfastError, uuidv7 } from "@holdfast/core";
import { organizationOfId } from "../access/organization-ids.ts";
import type { FilesContext, FilesVars, TaskFiles } from "../cluster/task-files.ts";
import type { AttachmentView } from "../contract/prompts.ts";
import type { AppliedBranch, AttemptStorage, SessionChoice, TaskView } from "../contract.ts";
import type { ApplyPlan } from "../git/apply.ts";
import { studioLimits } from "../limits.ts";
import { isBusy } from "../task-status.ts";
import type { ChecksVars } from "./checks/checks.ts";
import { stopWaiting, waitsForSecrets } from "./forks/secrets.ts";
import type { BackendHost } from "./host.ts";
import { deletionNews, mentionNews, takeNews } from "./inbox/news.ts";
import { sendNews } from "./inbox/send.ts";
import { requireBudget } from "./prompts/payer.ts";
import { commitMessageOf } from "./publish/proposal.ts";
import type { PublishVars } from "./publish/publish.ts";
import type { ReviewVars } from "./review/review.ts";
import { ApprovalAnswers, type ApprovalsHost } from "./sessions/answers.ts";
import { type AttemptsHost, clearAttempts } from "./sessions/attempts.ts";
import { findOpenSession, findSession } from "./sessions/find.ts";
import { readSession } from "./sessions/input.ts";
import { toTaskSummary, toTaskView } from "./sessions/view.ts";
import type { StackVars } from "./stacks/stack.ts";
import { hasOpenEvent, isActive, isClearing } from "./task-activity.ts";
import { ensureRunner, type RunnerContext, type RunnerHost, type RunnerVars } from "./task-runner.ts";
import {
  addPerson,
  findPrompt,
  type GroupPrompt,
  isOpen,
  type NewPrompt,
  newPrompt,
  sessionsOf,
  type TaskSession,
} from "./task-state.ts";
import type { PersonConnState } from "./tasks/actions.ts";
import { repositoryOf } from "./tasks/repository-of.ts";
import type { TextVars } from "./tasks/transcript-text.ts";
import { applyReport } from "./turns/reports.ts";
import { requirePrompt } from "./validate.ts";

/** What a task keeps in memory. */
export interface TaskVars
  extends RunnerVars,
    FilesVars,
    ReviewVars,
    ChecksVars,
    PublishVars,
    StackVars,
    TextVars {
  /** Tail of the mutex that serializes applies. */
  applyTail: Promise<unknown>;
  /** True once what an earlier process left unfinished was resumed. */
  hasResumed: boolean;
}

export function newTaskVars(): TaskVars {
  return {
    ...{ applyTail: Promise.resolve(), publishTail: Promise.resolve(), filesTail: Promise.resolve() },
    ...{ isPublishing: false, hasResumed: false, stackTail: Promise.resolve() },
  };
}

/** The part of the actor context that the steps use. */
export interface TaskContext extends RunnerContext, FilesContext {
  readonly vars: TaskVars;
  readonly broadcast: (name: "changed", view: TaskView) => void;
  client(): {
    get(name: string, key: string[]): { action<Result>(options: CallOptions): Promise<Result> };
    getOrCreate(
      name: string,
      key: string[],
      options?: { readonly createWithInput: unknown },
    ): { send(queue: string, body: unknown): Promise<void>; resolve(): Promise<string> };
  };
  waitUntil(promise: Promise<unknown>): void;
}

/** The part of the context of an action that says who calls. */
export interface PersonContext {
  readonly conn: { readonly state: PersonConnState };
}

interface CallOptions {
  readonly name: string;
  readonly args: readonly unknown[];
}

/** The part of the host that the steps use. */
export type TaskHost = Pick<
  BackendHost,
  | keyof RunnerHost
  | "ports"
  | "stop"
  | "requireBudget"
  | "snapshot"
  | "branchName"
  | "apply"
  | "notifications"
> &
  ApprovalsHost &
  AttemptsHost;

/** The multi-step operations of a task. Each persists its intent before it acts, so that a crash can resume it. */
export class TaskSteps {
  readonly answers: ApprovalAnswers<TaskContext>;
  readonly #host: TaskHost;
  readonly #files: Pick<TaskFiles, "bring" | "trySave">;

  constructor(host: TaskHost, files: Pick<TaskFiles, "bring" | "trySave">) {
    this.#host = host;
    this.answers = new ApprovalAnswers(host, (c) => this.publishChange(c));
    this.#files = files;
  }

  newId(): string {
    return uuidv7(this.#host.ports.clock, this.#host.ports.random);
  }

  /** Publishes a change to subscribers, people's inboxes, the index and the group. */
  publishChange(c: TaskContext): void {
    const now = this.#now();
    c.state.revision += 1;
    c.state.updatedAt = now;
    // In the turn of the change, and so in one commit with it.
    for (const news of takeNews(c.state, now)) c.waitUntil(sendNews(this.#host, c, news));
    c.broadcast("changed", toTaskView(c.state));
    c.waitUntil(this.#notifyOrganization(c));
    if (c.state.group !== undefined && !hasOpenEvent(c.state))
      c.waitUntil(this.#notifyGroup(c, c.state.group));
  }

  /** Takes a task that is being deleted from the inboxes. Resolves when that is certain. */
  reportDeletion(c: TaskContext): Promise<void> {
    return sendNews(this.#host, c, deletionNews(c.state, this.#now()));
  }

  /** The files belong to the task already. */
  async prompt(
    c: TaskContext,
    text: string,
    from: PersonConnState,
    to?: SessionChoice,
    attachments: readonly AttachmentView[] = [],
  ): Promise<void> {
    requirePrompt(text);
    const by = await requireBudget(this.#host, c.state, from);
    const session = findOpenSession(c.state, readSession(to));
    const mentioned = await this.mentionedIn(c, text);
    await this.#enqueue(c, session, { id: this.newId(), text, by, attachments }, () => {
      addPerson(c.state, from.person);
      this.tellMentioned(c, mentioned, text, from);
      if (attachments.length > 0)
        c.state.attachments = [...(c.state.attachments ?? []), ...attachments.map(({ id }) => id)];
    });
  }

  /** Ids of the people whom a text mentions with `@name`. */
  async mentionedIn(c: TaskContext, text: string): Promise<readonly string[]> {
    return text.includes("@") ? this.#host.notifications.mentioned(text, organizationOfId(c.state.id)) : [];
  }

  /** Tells people in the turn of the prompt that mentions them. */
  tellMentioned(c: TaskContext, mentioned: readonly string[], text: string, by: PersonConnState): void {
    const people = mentioned.filter((each) => each !== by.person);
    if (people.length === 0) return;
    const said = `${by.startedBy?.name ?? "The operator"}: ${text}`;
    c.waitUntil(sendNews(this.#host, c, mentionNews(c.state, this.#now(), people, said)));
  }

  /**
   * Enqueues a prompt together with another change of the task. `beside` runs in the turn that has the prompt, with its
   * id; if it throws, there is no prompt. `taint` says why the text is untrusted.
   */
  async promptBeside(
    c: TaskContext,
    text: string,
    beside: (promptId: string) => void,
    { taint, to }: { readonly taint?: string; readonly to?: SessionChoice | undefined } = {},
  ): Promise<void> {
    requirePrompt(text);
    const session = findOpenSession(c.state, readSession(to));
    const id = this.newId();
    const prompt = { id, text, ...(taint === undefined ? {} : { taint }) };
    await this.#enqueue(c, session, prompt, () => beside(id));
  }

  async #enqueue(
    c: TaskContext,
    session: TaskSession,
    prompt: NewPrompt,
    beside: () => void = () => {},
  ): Promise<void> {
    if (session.stopping) {
      const message = "The task is being stopped. Try again in a moment.";
      throw new HoldfastError("task", "stopping", message, { statusCode: 409 });
    }
    const waiting = session.prompts.filter((row) => row.state === "queued").length;
    if (waiting >= studioLimits.maxQueuedPrompts) {
      const message = `${waiting} prompts are already waiting. Let the agent finish some, or stop it.`;
      throw new HoldfastError("task", "queue_full", message, { statusCode: 429 });
    }
    await this.markActive(c);
    // A concurrent call may have added the prompt during the await.
    if (session.prompts.some((row) => row.id === prompt.id)) return;
    try {
      // Or closed the session.
      findOpenSession(c.state, session.sessionId);
      beside();
    } catch (error) {
      // The index was told that the task becomes active.
      this.publishChange(c);
      throw error;
    }
    const { importedTaint: taint } = c.state;
    session.prompts.push(newPrompt(taint === undefined ? prompt : { taint, ...prompt }));
    session.promptedAt = this.#now();
    c.state.origin = prompt.origin === undefined ? undefined : { ...prompt.origin };
    if (waitsForSecrets(session) || !isBusy(session.status)) session.status = "running";
    session.error = undefined;
    this.publishChange(c);
    await ensureRunner(this.#host, c);
  }

  /** Enqueues a prompt of the task's group; idempotent by its id. */
  async promptOnce(c: TaskContext, prompt: GroupPrompt): Promise<void> {
    if (c.state.group === undefined)
      throw new HoldfastError("task", "no_group", "The task does not belong to a group");
    if (findPrompt(c.state, prompt.id) !== undefined) return;
    await this.#enqueue(c, findSession(c.state), prompt);
  }

  /** Stops the agent of a session; without a choice, those of all. */
  async stop(c: TaskContext, choice?: SessionChoice): Promise<void> {
    const given = readSession(choice);
    const chosen = given === undefined ? sessionsOf(c.state) : [findSession(c.state, given)];
    if (stopWaiting(chosen)) this.publishChange(c);
    const working = chosen.filter(({ prompts }) => prompts.some(isOpen));
    if (working.length > 0) await this.stopSessions(c, working);
  }

  /** Stops the agents of sessions that work. The state is durable before they are. */
  async stopSessions(c: TaskContext, working: readonly TaskSession[]): Promise<void> {
    for (const session of working) session.stopping = true;
    await c.saveState();
    await Promise.all(working.map((session) => this.#finishStop(c, session)));
  }

  /** Deletes what discarded attempts have left, and gives the task the files of the one that is kept. */
  clearAttempts(c: TaskContext): Promise<AttemptStorage> {
    const cleared = c.vars.applyTail.then(async () => {
      const freed = await clearAttempts(this.#host, c);
      this.publishChange(c);
      await c.saveState();
      return freed;
    });
    c.vars.applyTail = cleared.catch(() => undefined);
    c.waitUntil(cleared.then(() => this.#files.trySave(c)).catch(() => undefined));
    return cleared;
  }

  async apply(c: TaskContext, branch: string | undefined): Promise<AppliedBranch> {
    const { base } = c.state;
    if (base === undefined) {
      const message = "The repository has not been cloned yet. Try again in a moment.";
      throw new HoldfastError("task", "not_prepared", message, { statusCode: 409 });
    }
    await this.#files.bring(c);
    const tree = await this.#host.snapshot(c.state.id);
    const previousPlan = c.state.apply?.plan;
    const isSamePlan =
      previousPlan?.tree === tree && (branch === undefined || branch === previousPlan.branch);
    await this.markActive(c);
    const published = c.state.publication?.pushed?.plan;
    const isPublished = published?.tree === tree && published.base === base.commit;
    const plan: ApplyPlan = isSamePlan
      ? { ...previousPlan }
      : {
          tree,
          base: base.commit,
          branch: branch ?? (await this.#host.branchName(repositoryOf(c.state), c.state.title)),
          message: commitMessageOf(c.state),
          // The commit is the one that was published.
          at: isPublished ? published.at : this.#now(),
        };
    c.state.apply = { plan, done: false };
    await c.saveState();
    return this.#finishApply(c, plan);
  }

  /** Called after a server start, and when the actor wakes on a node. Only the first call of an instance does more. */
  async recover(c: TaskContext): Promise<void> {
    if (!c.vars.hasResumed) await this.#resume(c);
    if (isActive(c.state)) await ensureRunner(this.#host, c);
  }

  /** Resumes the operations that the last process left unfinished. */
  async #resume(c: TaskContext): Promise<void> {
    c.vars.hasResumed = true;
    const pending = c.state.apply;
    if (pending?.done === false) {
      await this.#files.bring(c);
      await this.#finishApply(c, { ...pending.plan }).catch((error: unknown) => {
        this.#host.ports.log.warn("could not finish an apply", { taskId: c.state.id, error });
      });
    }
    await Promise.all(
      sessionsOf(c.state)
        .filter(({ stopping }) => stopping)
        .map((session) => this.#finishStop(c, session)),
    );
    if (isClearing(c.state)) {
      await this.#files.bring(c);
      await this.clearAttempts(c);
    }
    this.publishChange(c);
    await c.saveState();
  }

  async #finishStop(c: TaskContext, session: TaskSession): Promise<void> {
    if (session.stopping) await this.#host.stop(c.state.id, session.sessionId);
    // A concurrent stop has finished already. Prompts that arrived since then must stay.
    if (!session.stopping) return;
    applyReport(c.state, { type: "stopped" }, session);
    this.publishChange(c);
    c.waitUntil(this.#files.trySave(c));
  }

  async #finishApply(c: TaskContext, plan: ApplyPlan): Promise<AppliedBranch> {
    try {
      const result = await this.#host.apply(c.state.id, repositoryOf(c.state), plan);
      const applied = { ...result, appliedAt: plan.at };
      c.state.apply = { plan, done: true };
      c.state.applied = applied;
      return applied;
    } catch (error) {
      // A HoldfastError is final. Other errors can be retried, also automatically after a restart.
      if (isHoldfastError(error)) c.state.apply = undefined;
      throw error;
    } finally {
      this.publishChange(c);
    }
  }

  /** Marks the task active in the index before the task changes, so that a crash from here on resumes it. */
  async markActive(c: TaskContext): Promise<void> {
    c.state.wake = await this.#callOrganization<number>(c, "internal.wake", c.state.id);
  }

  /** Best effort: after a crash, recovery brings the index up to date. */
  async #notifyOrganization(c: TaskContext): Promise<void> {
    const { revision, wake } = c.state;
    const times = sessionsOf(c.state).flatMap(({ attentionAt = [] }) => attentionAt);
    const change = {
      ...{ summary: toTaskSummary(c.state), revision, wake, active: isActive(c.state) },
      ...(times.length === 0 ? {} : { attentionAt: Math.max(...times) }),
    };
    try {
      await this.#callOrganization(c, "internal.taskChanged", change);
    } catch (error) {
      this.#host.ports.log.warn("could not report a change to the organization", {
        taskId: c.state.id,
        error,
      });
    }
  }

  /** Lets the group start its next event. Best effort: a restarted group checks for itself. */
  async #notifyGroup(c: TaskContext, group: string): Promise<void> {
    try {
      await c.client().get("group", [group]).action({ name: "internal.taskChanged", args: [] });
    } catch (error) {
      this.#host.ports.log.warn("could not report the end of a turn to the group", {
        taskId: c.state.id,
        error,
      });
    }
  }

  #callOrganization<Result>(c: TaskContext, name: string, ...args: unknown[]): Promise<Result> {
    return c
      .client()
      .get("organization", [organizationOfId(c.state.id)])
      .action<Result>({ name, args });
  }

  #now(): number {
    return this.#host.ports.clock.now();
  }
}
