/** Inboxes of people: what tasks report, the open approvals of all tasks, and the entries of each person. */
import type { ApprovalAnsweredBy, ApprovalView, InboxTask } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import { waitsForSecrets } from "../forks/secrets.ts";
import { attemptsOf, nameOf, openSessions } from "../sessions/find.ts";
import type { TaskSession, TaskState } from "../task-state.ts";
import { addMentioned, everToldOf, peopleOf } from "./audience.ts";
import type { ReportedSession } from "./reported.ts";

/** What has become of a task. */
export type TaskChange =
  | { readonly type: "finished"; readonly cause: string }
  | { readonly type: "failed"; readonly cause: string; readonly message: string }
  /** It goes on: somebody sent a prompt. */
  | { readonly type: "working" }
  | { readonly type: "stopped" }
  /** A check of its pull request failed, or none fails any more. */
  | { readonly type: "ci-failed"; readonly cause: string; readonly pullRequest: string }
  | { readonly type: "ci-settled" }
  /** A prompt or a review names the people of the message. */
  | { readonly type: "mentioned"; readonly cause: string; readonly text: string }
  /** It is offered to the person of the message, who answers; or that offer is not open any more. */
  | { readonly type: "offered"; readonly cause: string; readonly text: string }
  | { readonly type: "offer-ended" }
  /** It has another owner, or somebody does not want it. */
  | { readonly type: "handed-over"; readonly text: string }
  | { readonly type: "asks"; readonly approval: ApprovalView }
  | { readonly type: "settled"; readonly approvalId: string; readonly answer?: ApprovalAnsweredBy }
  /** It asks whether code of a fork gets secrets, or that is not open any more. */
  | { readonly type: "asks-secrets"; readonly cause: string; readonly text: string }
  | { readonly type: "secrets-settled" }
  | { readonly type: "deleted" };

/** A message of a task. `seq` counts its messages, so that one which arrives twice counts once. */
export interface TaskNews {
  readonly version: 1;
  readonly seq: number;
  readonly at: number;
  readonly task: InboxTask;
  /** Who gets it: whoever has sent prompts, or watches. Everybody gets the news of a task that nobody did. */
  readonly people: readonly string[];
  readonly change: TaskChange;
}

interface SessionNews {
  readonly session: TaskSession;
  readonly change: TaskChange;
}

/** What is new since the last call, in order. The caller sends it in the same turn. */
export function takeNews(state: TaskState, at: number): readonly TaskNews[] {
  const { reported } = state;
  const news: SessionNews[] = [];
  const attempts = attemptsOf(state);
  const grouped = new Set(attempts.map(({ sessionId }) => sessionId));
  const take = (session: TaskSession, before: ReportedSession | undefined): ReportedSession => {
    const changes = changesOf(session, before);
    if (changes.some(needsPerson)) session.attentionAt = at;
    if (changes.some(endsTurn)) session.endedAt = at;
    // Attempts are one piece of work: how each of their turns ended is told once, when the last one has.
    const told = grouped.has(session.sessionId) ? changes.filter(isAboutApproval) : changes;
    news.push(...told.map((change) => ({ session, change })));
    return { approvals: session.approvals.map(({ id }) => id), turn: turnChange(session).key };
  };
  const first = take(state, reported);
  const failing = failingChecks(state);
  if (failing !== undefined && failing.cause !== reported?.failing)
    news.push({ session: state, change: { type: "ci-failed", ...failing } });
  if (failing === undefined && reported?.failing !== undefined)
    news.push({ session: state, change: { type: "ci-settled" } });
  const question = secretsQuestion(state);
  if (question !== undefined && question.cause !== reported?.asking) {
    for (const session of openSessions(state)) if (waitsForSecrets(session)) session.attentionAt = at;
    news.push({ session: state, change: { type: "asks-secrets", ...question } });
  }
  if (question === undefined && reported?.asking !== undefined)
    news.push({ session: state, change: { type: "secrets-settled" } });
  for (const session of state.sessions ?? []) {
    const heard = take(session, session.reported ?? { approvals: [], turn: unreported });
    if (session.reported?.turn !== heard.turn || `${session.reported.approvals}` !== `${heard.approvals}`)
      session.reported = heard;
  }
  const group = attempts.length === 0 ? undefined : turnOfAttempts(attempts);
  if (group !== undefined && group.key !== (reported?.attempts ?? working.key))
    news.push({ session: state, change: group.change });
  const seq = reported?.seq ?? 0;
  if (reported === undefined || reported.turn !== first.turn || news.length > 0)
    state.reported = {
      ...{ ...first, seq: seq + news.length },
      ...(failing === undefined ? {} : { failing: failing.cause }),
      ...(question === undefined ? {} : { asking: question.cause }),
      ...(group === undefined ? {} : { attempts: group.key }),
    };
  return news.map(({ session, change }, index) => newsOf(state, session, seq + index + 1, at, change));
}

interface Turn {
  readonly key: string;
  readonly change: TaskChange;
}

const working: Turn = { key: "working", change: { type: "working" } };

/** How attempts stand together: they work while one does, and have failed if all did. */
function turnOfAttempts(attempts: readonly TaskSession[]): Turn {
  const turns = attempts.map(turnChange);
  if (turns.some(({ change }) => change.type === "working")) return working;
  const cause = turns.map(({ key }) => key).join();
  const failed = turns.every(({ change }) => change.type === "failed");
  const change: TaskChange = failed
    ? { type: "failed", cause, message: "All attempts failed" }
    : { type: "finished", cause };
  return { key: `${change.type} ${cause}`, change };
}

function isAboutApproval({ type }: TaskChange): boolean {
  return type === "asks" || type === "settled";
}

/** How a session stands of which nothing was reported yet. */
const unreported = "finished ";

function endsTurn({ type }: TaskChange): boolean {
  return type === "finished" || type === "failed" || type === "stopped";
}

function needsPerson({ type }: TaskChange): boolean {
  return type === "finished" || type === "failed" || type === "asks";
}

function changesOf(session: TaskSession, reported: ReportedSession | undefined): readonly TaskChange[] {
  const turn = turnChange(session);
  const changes: TaskChange[] = [];
  // The turn of a task that has never reported anything ended before there were inboxes.
  if (reported !== undefined && reported.turn !== turn.key) changes.push(turn.change);
  const before = new Set(reported?.approvals);
  const open = new Set(session.approvals.map(({ id }) => id));
  for (const approvalId of before) {
    if (open.has(approvalId)) continue;
    const answer = session.answers?.[approvalId];
    changes.push({
      type: "settled",
      approvalId,
      ...(answer === undefined ? {} : { answer: { ...answer } }),
    });
  }
  for (const approval of session.approvals)
    if (!before.has(approval.id)) changes.push({ type: "asks", approval: toPlain(approval) });
  return changes;
}

/** The last message of a task. */
export function deletionNews(state: TaskState, at: number): TaskNews {
  const news = newsOf(state, state, (state.reported?.seq ?? 0) + 1, at, { type: "deleted" });
  return { ...news, people: [...everToldOf(state)] };
}

/** Who mentions the people, and how. */
export function mentionNews(state: TaskState, at: number, people: readonly string[], text: string): TaskNews {
  const cause = String((state.reported?.seq ?? 0) + 1);
  return newsFor(state, at, people, { type: "mentioned", cause, text: excerptOf(text) });
}

/** News for some people, who are told even if they do not follow the task. */
export function newsFor(
  state: TaskState,
  at: number,
  people: readonly string[],
  change: TaskChange,
): TaskNews {
  const { seq, ...reported } = state.reported ?? { seq: 0, approvals: [], turn: turnChange(state).key };
  state.reported = { ...reported, seq: seq + 1 };
  addMentioned(state, people);
  return { ...newsOf(state, state, seq + 1, at, change), people };
}

function excerptOf(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().slice(0, studioLimits.maxInboxText);
}

function newsOf(state: TaskState, of: TaskSession, seq: number, at: number, change: TaskChange): TaskNews {
  const { id, title, repository } = state;
  const session = of.sessionId === state.sessionId ? {} : { session: { id: of.sessionId, name: nameOf(of) } };
  const task = { id, title, repository, agent: of.agent, ...session };
  return { version: 1, seq, at, task, people: [...peopleOf(state)], change };
}

/** Failed checks of the open pull request. Those of two commits have different causes. */
function failingChecks({ publication }: TaskState) {
  const { pullRequest, headCommit = "" } = publication ?? {};
  if (pullRequest?.state !== "open" || pullRequest.checks !== "failure") return undefined;
  const { repository, number } = pullRequest;
  return { cause: `${number} ${headCommit}`, pullRequest: `${repository}#${number}` };
}

/** The question about secrets, which is one for all sessions. The turns of several prompts that ask it have different causes. */
function secretsQuestion(state: TaskState) {
  const session = openSessions(state).find(waitsForSecrets);
  if (session === undefined || state.forkSecrets !== undefined) return undefined;
  const cause = session.prompts.findLast((prompt) => prompt.state === "failed")?.id ?? "";
  return { cause, text: session.error?.message ?? "" };
}

/** How the task stands. Two turns that ended the same way have different keys. */
function turnChange({ status, prompts, error }: TaskSession): Turn {
  const last = (state: "done" | "failed") => prompts.findLast((prompt) => prompt.state === state)?.id ?? "";
  switch (status) {
    case "preparing":
    case "running":
    case "waiting":
      return working;
    case "stopped":
      return { key: "stopped", change: { type: "stopped" } };
    case "idle": {
      const cause = last("done");
      return { key: `finished ${cause}`, change: { type: "finished", cause } };
    }
    case "failed": {
      const cause = last("failed");
      return {
        key: `failed ${cause}`,
        change: { type: "failed", cause, message: error?.message ?? "The task failed" },
      };
    }
  }
}

/** Copies what may be a proxy of the state. */
function toPlain<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
