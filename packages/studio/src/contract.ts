/**
 * What the Studio's backend actors offer to its clients (web app, CLI): names, shapes, events.
 * Types only; the actors in `backend/` implement it, `web/` and the `holdfast` command consume it.
 *
 * Actors: `organization` (key ["local"]) is the parent and holds the index of tasks; `task`
 * (key [taskId]) owns one piece of work on one repository; `session` (key [sessionId]) owns the
 * append-only log of one conversation with an agent; `group` (key [name]) queues the events of one group.
 * All times are milliseconds since the epoch.
 */

export type TaskStatus =
  /** Cloning the repository and starting the jail and the agent. */
  | "preparing"
  /** The agent works on a prompt. */
  | "running"
  /** The agent waits for the answer to an approval. */
  | "waiting"
  /** The last turn has ended; another prompt may follow. */
  | "idle"
  /** The person stopped it; another prompt may follow. */
  | "stopped"
  /** It cannot go on; `error` says why. Another prompt tries again. */
  | "failed";

export interface TaskSummary {
  readonly id: string;
  readonly title: string;
  readonly repository: string;
  readonly agent: string;
  readonly status: TaskStatus;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** True when it runs without a jail (`--unsafe-no-jail`); shown wherever the task is shown. */
  readonly unsafe: boolean;
  readonly error?: TaskError;
  /** Approvals that wait for a person. Absent in rows of the index that an earlier version wrote. */
  readonly openApprovals?: number;
  /** Set when an event of a group began its newest turn. */
  readonly origin?: TaskOrigin;
}

/** The event that began a turn. */
export interface TaskOrigin {
  readonly group: string;
  readonly topic: string;
  /** "prompt", "plugin:NAME", "webhook:NAME". */
  readonly source: string;
  /** Its sequence in the group. */
  readonly event: number;
}

export interface TaskError {
  readonly group: string;
  readonly code: string;
  readonly message: string;
}

export interface TaskView extends TaskSummary {
  readonly sessionId: string;
  /** Branch and commit of the repository at which the work began: the merge base of the diff. */
  readonly base: { readonly branch: string; readonly commit: string };
  readonly approvals: readonly ApprovalView[];
  readonly usage: TokenUsage;
  readonly applied?: AppliedBranch;
  /** Prompts that wait until the agent has finished the one at work, in order; the text is cut at 500 characters. */
  readonly queued?: readonly { readonly id: string; readonly text: string }[];
  /** Raised by one with every change; a client drops a view that is older than what it has. */
  readonly revision: number;
}

export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly requests: number;
}

export interface AppliedBranch {
  readonly branch: string;
  readonly commit: string;
  readonly appliedAt: number;
}

/** A question for a person: the agent's own (an ACP permission request), or one of the gate. */
export interface ApprovalView {
  readonly id: string;
  /** Set when the gate asks: nothing happens outside of the jail without an answer. */
  readonly boundary?: {
    readonly tool: string;
    /** What brought words from outside into the session, which may have led to the question. */
    readonly origin?: string;
  };
  /** Of a question of the gate: a narrow rule of its policy file that would answer the like of it beforehand. */
  readonly proposal?: Readonly<Record<string, unknown>>;
  readonly title: string;
  /** ACP tool kind: edit, execute, read, ... */
  readonly kind?: string;
  /** The tool's input, as text for people: escaped, truncated at 16 KiB with `truncated` set. */
  readonly detail: string;
  readonly truncated: boolean;
  readonly options: readonly ApprovalOption[];
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface ApprovalOption {
  readonly id: string;
  readonly name: string;
  readonly kind: "allow_once" | "allow_always" | "reject_once" | "reject_always";
}

export interface ApprovalAnswer {
  readonly approvalId: string;
  readonly optionId: string;
}

export interface ApprovalAnswerOutcome {
  readonly approvalId: string;
  /** Why it was not taken; with the codes of `answer`. */
  readonly error?: { readonly group: string; readonly code: string; readonly message: string };
}

/** One record of a session's log. `seq` starts at 1 and has no gap. */
export interface SessionEvent {
  readonly seq: number;
  readonly at: number;
  readonly body: SessionEventBody;
}

export type SessionEventBody =
  /** An ACP envelope exactly as it crossed, seen from the host. */
  | { readonly type: "acp"; readonly direction: "to-agent" | "from-agent"; readonly envelope: unknown }
  | { readonly type: "prompt"; readonly text: string }
  /** A new agent process serves the session. `resumed` says how the conversation goes on. */
  | {
      readonly type: "agent-started";
      readonly agent: string;
      readonly resumed: "new" | "native" | "transcript";
    }
  /** The agent, its jail or the server went away in the middle of a turn. */
  | { readonly type: "interrupted"; readonly reason: string }
  | { readonly type: "approval-requested"; readonly approval: ApprovalView }
  | {
      readonly type: "approval-settled";
      readonly approvalId: string;
      readonly outcome: "allowed" | "denied" | "expired" | "cancelled";
      readonly optionId?: string;
    }
  | { readonly type: "turn-ended"; readonly stopReason: string }
  | { readonly type: "failed"; readonly error: TaskError };

export interface SessionPage {
  readonly events: readonly SessionEvent[];
  /** The newest sequence of the log; equal to the last event's when the page reaches the end. */
  readonly head: number;
}

export interface DiffView {
  readonly base: string;
  readonly files: readonly DiffFile[];
  /** True when the patch was cut at the limit. */
  readonly truncated: boolean;
}

export interface DiffFile {
  readonly path: string;
  /** Present when renamed or copied. */
  readonly oldPath?: string;
  readonly status: "added" | "modified" | "deleted" | "renamed" | "copied" | "type-changed";
  readonly additions: number;
  readonly deletions: number;
  readonly binary: boolean;
  /** The unified diff of this file; empty for binary files. */
  readonly patch: string;
  /** Files that run something on the person's machine when opened or built (Makefile, .envrc, ...). */
  readonly runsOnYourMachine: boolean;
}

export interface AgentChoice {
  readonly id: string;
  readonly name: string;
  readonly installed: boolean;
  readonly version?: string;
  /** What to do when it is not installed, or lacks a model key. */
  readonly hint?: string;
  /** False when it needs a model and neither key nor login is there. */
  readonly ready: boolean;
}

export interface SystemStatus {
  readonly version: string;
  readonly startedAt: number;
  readonly dataDirectory: string;
  readonly checks: readonly SystemCheck[];
  readonly tasks: { readonly total: number; readonly active: number };
  readonly memoryBytes: number;
  readonly unsafe: boolean;
}

export interface SystemCheck {
  readonly id: string;
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly detail: string;
  /** The exact command or step that mends it. */
  readonly fix?: string;
}

export interface CreateTaskInput {
  /** Absolute path of a local git repository, or "sample" for the bundled one. */
  readonly repository: string;
  readonly agent: string;
  readonly prompt: string;
  /** Start from the last commit although the working tree has uncommitted changes. */
  readonly fromHead?: boolean;
}

export interface RepositoryCheck {
  readonly path: string;
  readonly branch: string;
  readonly commit: string;
  readonly dirty: boolean;
}

/** Actions of `organization`. Errors: group "repository", "agent", "task". */
export interface OrganizationActions {
  createTask(input: CreateTaskInput): Promise<TaskSummary>;
  listTasks(query?: { readonly limit?: number; readonly cursor?: string }): Promise<{
    readonly tasks: readonly TaskSummary[];
    readonly cursor?: string;
  }>;
  /** Throws `repository.not_found`, `.not_a_repository`, `.bare`, `.unreadable`, `.empty`. */
  checkRepository(path: string): Promise<RepositoryCheck>;
  listAgents(): Promise<readonly AgentChoice[]>;
  system(): Promise<SystemStatus>;
  listGroups(): Promise<readonly GroupView[]>;
}

/** A group as `groups.json` names it, with its newest events. */
export interface GroupView {
  readonly name: string;
  readonly description: string;
  readonly agent: string;
  readonly session: "fresh" | "resume" | "explicit";
  /** Events that wait for their turn. */
  readonly waiting: number;
  /** Sequence of the event that is worked on. */
  readonly running?: number;
  /** The newest first, at most 50. */
  readonly events: readonly GroupEventView[];
}

/** One event of a group. */
export interface GroupEventView {
  readonly id: string;
  /** Starts at 1 and has no gap. */
  readonly seq: number;
  readonly topic: string;
  readonly source: string;
  readonly title: string;
  readonly state: "waiting" | "running" | "done" | "failed" | "cancelled";
  /** It holds words from outside. */
  readonly tainted: boolean;
  readonly receivedAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly taskId?: string;
  readonly sessionId?: string;
  /** The newest event of the session's log before this one began. */
  readonly fromSeq?: number;
  /** Why it could not be begun; while it waits for another try, why not yet. */
  readonly error?: TaskError;
  /** How often it could not be begun. */
  readonly attempts?: number;
  /** When it is tried again. */
  readonly retryAt?: number;
}

/** `duplicate`: it was known already, and is not done again. */
export interface GroupEventAccepted extends GroupEventView {
  readonly duplicate: boolean;
}

/** Actions of `group`. Errors: group "group". */
export interface GroupActions {
  get(): Promise<GroupView>;
  /** Begins a turn when its time comes. Throws `group.queue_full`, `group.not_found`. */
  prompt(text: string, options?: { readonly id?: string }): Promise<GroupEventAccepted>;
}

/** Events of `group`. */
export interface GroupEvents {
  changed: GroupEventView;
}

/** Events of `organization`. */
export interface OrganizationEvents {
  taskChanged: TaskSummary;
}

/** Actions of `task`. */
export interface TaskActions {
  get(): Promise<TaskView>;
  prompt(text: string): Promise<void>;
  /** Ends the current turn within a second. Idempotent. */
  stop(): Promise<void>;
  /** Single use: throws `approval.already_settled`, `.agent_gone`, `.expired`, `.not_found`. */
  answer(approvalId: string, optionId: string): Promise<void>;
  /**
   * Answers up to 100 questions in the order given, each for itself: one that cannot be answered any more
   * says so in its outcome and keeps none of the others.
   */
  answerMany(answers: readonly ApprovalAnswer[]): Promise<readonly ApprovalAnswerOutcome[]>;
  diff(): Promise<DiffView>;
  /** Puts the diff on a new branch of the real repository. Idempotent for one state of the work. */
  apply(options?: { readonly branch?: string }): Promise<AppliedBranch>;
}

/** Events of `task`. */
export interface TaskEvents {
  changed: TaskView;
}

/** Actions of `session`. */
export interface SessionActions {
  /** Events with `seq > after`, oldest first, at most `limit` (default 500, at most 1,000). */
  events(query: { readonly after: number; readonly limit?: number }): Promise<SessionPage>;
}

/** Events of `session`. A client that sees a gap in `seq` fetches what is missing with `events`. */
export interface SessionEvents {
  appended: readonly SessionEvent[];
}
