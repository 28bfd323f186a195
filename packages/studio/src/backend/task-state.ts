import type {
  AppliedBranch,
  ApprovalView,
  TaskError,
  TaskOrigin,
  TaskStatus,
  TaskSummary,
  TaskView,
  TokenUsage,
} from "../contract.ts";
import type { ApplyPlan } from "../git/apply.ts";

/** What a task is made from; checked by the organization before. */
export interface TaskInput {
  readonly taskId: string;
  readonly sessionId: string;
  readonly title: string;
  readonly repository: string;
  readonly agent: string;
  readonly prompt: string;
  readonly unsafe: boolean;
  readonly createdAt: number;
  /** The group whose event began it. */
  readonly group?: string;
  readonly origin?: TaskOrigin;
  /** Of its first prompt; a new one by default. */
  readonly promptId?: string;
  /** Why its first prompt is from outside. */
  readonly taint?: string;
}

/** A prompt that a group hands in; the same id counts once. */
export interface GroupPrompt {
  readonly id: string;
  readonly text: string;
  readonly origin: TaskOrigin;
  readonly taint?: string;
}

export function isTaskInput(value: unknown): value is TaskInput {
  return typeof value === "object" && value !== null && "taskId" in value && "prompt" in value;
}

/** A prompt is a durable row; one that was sent and has no end was interrupted. */
export interface PromptRow {
  readonly id: string;
  readonly text: string;
  state: "queued" | "sent" | "done" | "failed" | "cancelled";
  /** How often it was begun. */
  attempts: number;
  /** How often a server that ended in order has put it down: those do not count against it. */
  putDown?: number;
  /** The event of a group that it comes from. */
  readonly origin?: TaskOrigin;
  /** Why it holds words from outside. */
  readonly taint?: string;
}

export interface TaskState {
  version: 1;
  id: string;
  sessionId: string;
  title: string;
  repository: string;
  agent: string;
  unsafe: boolean;
  group?: string;
  /** The event that the newest prompt came from. */
  origin?: TaskOrigin | undefined;
  status: TaskStatus;
  createdAt: number;
  updatedAt: number;
  revision: number;
  /** The organization's count of wakes when this task last became active. */
  wake: number;
  error?: TaskError | undefined;
  base?: { branch: string; commit: string } | undefined;
  prompts: PromptRow[];
  approvals: ApprovalView[];
  /** The ids of the newest settled approvals, so that a second answer is told why. */
  settled: string[];
  usage: TokenUsage;
  agentSessionId?: string | undefined;
  /** A stop was asked for and is not finished. */
  stopping: boolean;
  /** An apply that was begun; `done` when its branch is there. */
  apply?: { plan: ApplyPlan; done: boolean } | undefined;
  applied?: AppliedBranch | undefined;
}

/** What the runner tells the task. Each is one durable step. */
export type TaskReport =
  | { readonly type: "prepared"; readonly base: { readonly branch: string; readonly commit: string } }
  | { readonly type: "agent-ready"; readonly agentSessionId: string }
  | { readonly type: "approval-requested"; readonly approval: ApprovalView }
  | { readonly type: "approval-settled"; readonly approvalId: string }
  | { readonly type: "turn-ended"; readonly promptId: string }
  | { readonly type: "put-down"; readonly promptId: string }
  | { readonly type: "failed"; readonly promptId: string; readonly error: TaskError }
  | { readonly type: "stopped" }
  | { readonly type: "usage"; readonly usage: TokenUsage };

/** The prompt to work on now, with what the runner needs to begin. */
export interface TaskWork {
  readonly taskId: string;
  readonly sessionId: string;
  readonly repository: string;
  readonly agent: string;
  readonly agentSessionId?: string;
  readonly group?: string;
  readonly prompt: {
    readonly id: string;
    readonly text: string;
    readonly attempt: number;
    /** How many of the attempts before a server has put down in order. */
    readonly putDown?: number;
    readonly taint?: string;
  };
  /** Questions of an agent process that is gone. */
  readonly staleApprovals: readonly string[];
}

const maxSettled = 200;
const maxOldPrompts = 200;

export function newTaskState(input: TaskInput, promptId: string): TaskState {
  return {
    version: 1,
    id: input.taskId,
    sessionId: input.sessionId,
    title: input.title,
    repository: input.repository,
    agent: input.agent,
    unsafe: input.unsafe,
    ...(input.group === undefined ? {} : { group: input.group }),
    ...(input.origin === undefined ? {} : { origin: { ...input.origin } }),
    status: "preparing",
    createdAt: input.createdAt,
    updatedAt: input.createdAt,
    revision: 1,
    wake: 0,
    prompts: [newPrompt({ ...input, id: input.promptId ?? promptId, text: input.prompt })],
    approvals: [],
    settled: [],
    usage: { inputTokens: 0, outputTokens: 0, requests: 0 },
    stopping: false,
  };
}

export function newPrompt({ id, text, origin, taint }: Omit<GroupPrompt, "origin"> & Partial<GroupPrompt>) {
  const row: PromptRow = {
    ...{ id, text, state: "queued", attempts: 0 },
    ...(origin === undefined ? {} : { origin: { ...origin } }),
    ...(taint === undefined ? {} : { taint }),
  };
  return row;
}

/** The first prompt that was begun or waits; it becomes the one that is worked on. */
export function takeWork(state: TaskState): TaskWork | undefined {
  const prompt = state.prompts.find(isOpen);
  if (prompt === undefined || state.stopping) return undefined;
  prompt.state = "sent";
  prompt.attempts += 1;
  state.status = state.base === undefined ? "preparing" : "running";
  state.error = undefined;
  return {
    taskId: state.id,
    sessionId: state.sessionId,
    repository: state.repository,
    agent: state.agent,
    ...(state.agentSessionId === undefined ? {} : { agentSessionId: state.agentSessionId }),
    ...(state.group === undefined ? {} : { group: state.group }),
    prompt: {
      ...{ id: prompt.id, text: prompt.text, attempt: prompt.attempts },
      ...(prompt.putDown === undefined ? {} : { putDown: prompt.putDown }),
      ...(prompt.taint === undefined ? {} : { taint: prompt.taint }),
    },
    staleApprovals:
      prompt.attempts > 1
        ? state.approvals.filter((each) => each.boundary === undefined).map(({ id }) => id)
        : [],
  };
}

export function applyReport(state: TaskState, report: TaskReport): void {
  switch (report.type) {
    case "prepared":
      state.base = { ...report.base };
      return;
    case "agent-ready":
      state.agentSessionId = report.agentSessionId;
      if (state.status === "preparing") state.status = "running";
      return;
    case "approval-requested":
      if (state.approvals.some(({ id }) => id === report.approval.id)) return;
      state.approvals.push(report.approval);
      // What is asked between turns, by something that the agent left running, keeps no turn waiting.
      if (state.prompts.some(isOpen)) state.status = "waiting";
      return;
    case "approval-settled":
      settleApproval(state, report.approvalId);
      return;
    case "turn-ended":
      if (!isSent(state, report.promptId)) return;
      endPrompt(state, report.promptId, "done");
      endTurn(state, state.prompts.some((row) => row.state === "queued") ? "running" : "idle");
      return;
    case "put-down": {
      const row = state.prompts.find(({ id, state: at }) => id === report.promptId && at === "sent");
      if (row !== undefined) row.putDown = (row.putDown ?? 0) + 1;
      return;
    }
    case "failed":
      if (!isSent(state, report.promptId)) return;
      endPrompt(state, report.promptId, "failed");
      endTurn(state, "failed");
      state.error = report.error;
      return;
    case "stopped":
      for (const row of state.prompts) {
        if (isOpen(row)) row.state = "cancelled";
      }
      endTurn(state, "stopped");
      state.stopping = false;
      return;
    case "usage":
      state.usage = {
        inputTokens: state.usage.inputTokens + report.usage.inputTokens,
        outputTokens: state.usage.outputTokens + report.usage.outputTokens,
        requests: state.usage.requests + report.usage.requests,
      };
      return;
  }
}

export function settleApproval(state: TaskState, approvalId: string): void {
  if (!state.approvals.some((approval) => approval.id === approvalId)) return;
  state.approvals = state.approvals.filter((approval) => approval.id !== approvalId);
  remember(state, approvalId);
  if (state.status === "waiting" && state.approvals.length === 0) state.status = "running";
}

function remember(state: TaskState, approvalId: string): void {
  state.settled = [...state.settled, approvalId].slice(-maxSettled);
}

function isOpen({ state }: PromptRow): boolean {
  return state === "sent" || state === "queued";
}

/** False for a prompt that a stop has cancelled while its turn was coming to its end. */
function isSent(state: TaskState, promptId: string): boolean {
  return state.prompts.some(({ id, state: at }) => id === promptId && at === "sent");
}

function endPrompt(state: TaskState, promptId: string, end: "done" | "failed"): void {
  const row = state.prompts.find((prompt) => prompt.id === promptId);
  if (row !== undefined) row.state = end;
}

function endTurn(state: TaskState, status: TaskStatus): void {
  // A question of the gate outlives the turn: whoever asks the same again meets it.
  for (const { id, boundary } of state.approvals) if (boundary === undefined) remember(state, id);
  state.approvals = state.approvals.filter((each) => each.boundary !== undefined);
  state.status = status;
  const open = state.prompts.filter(isOpen);
  const ended = state.prompts.filter((row) => !isOpen(row));
  if (ended.length > maxOldPrompts) state.prompts = [...ended.slice(-maxOldPrompts), ...open];
}

/** True while the server has to come back to this task by itself after a crash. */
export function isActive(state: TaskState): boolean {
  return state.stopping || state.apply?.done === false || state.prompts.some(isOpen);
}

/** True while an event of its group is not done. */
export function hasOpenEvent(state: TaskState): boolean {
  return state.prompts.some((row) => row.origin !== undefined && isOpen(row));
}

export function summaryOf(state: TaskState): TaskSummary {
  return {
    id: state.id,
    title: state.title,
    repository: state.repository,
    agent: state.agent,
    status: state.status,
    createdAt: state.createdAt,
    updatedAt: state.updatedAt,
    unsafe: state.unsafe,
    openApprovals: state.approvals.length,
    ...(state.error === undefined ? {} : { error: { ...state.error } }),
    ...(state.origin === undefined ? {} : { origin: { ...state.origin } }),
  };
}

export function viewOf(state: TaskState): TaskView {
  return {
    ...summaryOf(state),
    sessionId: state.sessionId,
    base: state.base === undefined ? { branch: "", commit: "" } : { ...state.base },
    approvals: plain(state.approvals),
    usage: { ...state.usage },
    ...(state.applied === undefined ? {} : { applied: { ...state.applied } }),
    ...queuedOf(state),
    revision: state.revision,
  };
}

/** Characters of a queued prompt that a view shows. */
const maxQueuedText = 500;

/** The prompts that wait for the turn before them; the first open prompt is the one at work. */
function queuedOf({ prompts }: TaskState): Pick<TaskView, "queued"> {
  const [, ...waiting] = prompts.filter(isOpen);
  if (waiting.length === 0) return {};
  return { queued: waiting.map(({ id, text }) => ({ id, text: text.slice(0, maxQueuedText) })) };
}

/** State may be behind a proxy, which cannot be cloned. */
function plain<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}

/** The first line of a prompt, at most 62 characters. */
export function titleOf(prompt: string): string {
  const line = prompt.trim().split("\n", 1)[0]?.trimEnd().replace(/\s+/g, " ") ?? "";
  if (line.length <= 62) return line;
  // Half of a pair of surrogates is no character.
  return `${line
    .slice(0, 61)
    .replace(/[\ud800-\udbff]$/, "")
    .trimEnd()}…`;
}
