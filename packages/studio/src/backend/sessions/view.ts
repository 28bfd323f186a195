import type { ForkPull } from "../../cluster/fork-pull.ts";
import type {
  StackTask,
  TaskFork,
  TaskSessionView,
  TaskSummary,
  TaskView,
  TokenUsage,
} from "../../contract.ts";
import { waitsForSecrets } from "../forks/secrets.ts";
import { peopleOf } from "../inbox/audience.ts";
import { offerView, ownerOf } from "../ownership/state.ts";
import { toQueuedPrompt, waitingPrompts } from "../prompts/queue.ts";
import { stackView } from "../stacks/state.ts";
import { copyOf, sessionsOf, type TaskSession, type TaskState } from "../task-state.ts";
import { attemptsOf, nameOf, openSessions, statusOf } from "./find.ts";

export function toTaskSummary(state: TaskState): TaskSummary {
  const open = openSessions(state);
  const attempts = attemptsOf(state);
  const owner = ownerOf(state);
  return {
    id: state.id,
    title: state.title,
    repository: state.repository,
    agent: open[0]?.agent ?? state.agent,
    ...statusOf(state),
    createdAt: state.createdAt,
    updatedAt: state.updatedAt,
    unsafe: state.unsafe,
    openApprovals: open.reduce((sum, { approvals }) => sum + approvals.length, 0),
    ...(open.length < 2 ? {} : { openSessions: open.length }),
    ...(attempts.length < 2 ? {} : { attempts: attempts.length }),
    ...(state.origin === undefined ? {} : { origin: { ...state.origin } }),
    ...(state.startedBy === undefined ? {} : { startedBy: { ...state.startedBy } }),
    ...(owner === undefined ? {} : { owner }),
    ...(state.labels === undefined || state.labels.length === 0 ? {} : { labels: [...state.labels] }),
    ...onOf(state.stack?.parent),
  };
}

function onOf(parent: StackTask | undefined): Pick<TaskSummary, "on"> {
  return parent === undefined ? {} : { on: { taskId: parent.taskId, title: parent.title } };
}

export function toTaskView(state: TaskState): TaskView {
  const stack = stackView(state.stack);
  const sessions = sessionsOf(state).map((session) => toSessionView(state, session));
  return {
    ...toTaskSummary(state),
    sessionId: state.sessionId,
    sessions,
    base: state.base === undefined ? { branch: "", commit: "" } : { ...state.base },
    approvals: sessions.flatMap(({ approvals }) => approvals),
    usage: sessions.map(({ usage }) => usage).reduce(addUsage),
    ...(state.applied === undefined ? {} : { applied: { ...state.applied } }),
    ...(state.connected?.pull === undefined ? {} : { fork: forkOf(state, state.connected.pull) }),
    ...(state.publication?.pullRequest === undefined
      ? {}
      : { pullRequest: { ...state.publication.pullRequest } }),
    ...(stack === undefined ? {} : { stack }),
    ...queuedPrompts(state),
    ...chosenOptions(state),
    ...(state.people === undefined || state.people.length === 0 ? {} : { watchedBy: [...peopleOf(state)] }),
    ...offerView(state),
    revision: state.revision,
  };
}

function forkOf(state: TaskState, { number, webUrl, repository, branch }: ForkPull): TaskFork {
  const isAsked = sessionsOf(state).some(waitsForSecrets);
  const undecided = isAsked ? "asked" : "none";
  const { forkSecrets: decided } = state;
  const secrets = decided === undefined ? undecided : decided.isAllowed ? "allowed" : "withheld";
  return { number, webUrl, repository, branch, secrets };
}

export function toSessionView(state: TaskState, session: TaskSession): TaskSessionView {
  const { sessionId: id, agent, status, error, attentionAt = 0, closedAt, promptedAt, endedAt } = session;
  return {
    ...{ id, name: nameOf(session), agent, status, attentionAt },
    ...(copyOf(session) === undefined ? {} : { isCopy: true }),
    ...(promptedAt === undefined ? {} : { promptedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(error === undefined ? {} : { error: { ...error } }),
    approvals: toPlain(session.approvals),
    ...queuedPrompts(session),
    ...chosenOptions(session),
    usage: { ...session.usage },
    createdAt: state.sessions?.find(({ sessionId }) => sessionId === id)?.createdAt ?? state.createdAt,
    ...(closedAt === undefined ? {} : { closedAt }),
  };
}

function addUsage(a: TokenUsage, b: TokenUsage): TokenUsage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    requests: a.requests + b.requests,
    ...(a.costMicros === undefined && b.costMicros === undefined
      ? {}
      : {
          costMicros: (a.costMicros ?? 0) + (b.costMicros ?? 0),
          unpricedRequests: (a.unpricedRequests ?? 0) + (b.unpricedRequests ?? 0),
        }),
  };
}

/** Maximum characters of a queued prompt in a view. */
const maxQueuedText = 500;

/** The queued prompts. The first open prompt is the one in progress and not included. */
function queuedPrompts(session: TaskSession): Pick<TaskSessionView, "queued"> {
  const waiting = waitingPrompts(session).map(toQueuedPrompt);
  if (waiting.length === 0) return {};
  return { queued: waiting.map((prompt) => ({ ...prompt, text: prompt.text.slice(0, maxQueuedText) })) };
}

function chosenOptions({ options }: TaskSession): Pick<TaskSessionView, "options"> {
  return options === undefined ? {} : { options: { ...options } };
}

/** Copies a value that may be a state proxy, which `structuredClone` cannot clone. */
function toPlain<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
