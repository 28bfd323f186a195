/** Types of the contract by subject: the sessions of a task. */
import type { ApprovalView } from "./approvals.ts";
import type { DiffView } from "./diff.ts";
import type { QueuedPrompt } from "./prompts.ts";
import type { TaskError, TaskStatus } from "./task-list.ts";

export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly requests: number;
  /** Millionths of a US dollar, without the calls whose cost is not known. Absent in tasks of earlier versions. */
  readonly costMicros?: number;
  /** Calls whose cost is not known. */
  readonly unpricedRequests?: number;
}

/**
 * One conversation of a task with an agent. The sessions of a task work in the same workspace, each with an agent process
 * of its own. Their turns run in parallel, and nothing keeps two agents from changing the same file: the last write
 * stays. An attempt is a session in a copy of its own, until one of them is kept.
 */
export interface TaskSessionView {
  /** Key of its `session` actor. */
  readonly id: string;
  readonly name: string;
  readonly agent: string;
  readonly status: TaskStatus;
  readonly error?: TaskError;
  readonly approvals: readonly ApprovalView[];
  /** Queued prompts, in order, without the one in progress. Their text is truncated at 500 characters. */
  readonly queued?: readonly QueuedPrompt[];
  /** Options of its agent that were chosen, by their ids. */
  readonly options?: Readonly<Record<string, string>>;
  readonly usage: TokenUsage;
  readonly createdAt: number;
  /** True for an attempt in a copy of its own: its changes are not those of the task. */
  readonly isCopy?: boolean;
  /** When it got its newest prompt, and when its last turn ended. Absent before. */
  readonly promptedAt?: number;
  readonly endedAt?: number;
  /** When it last needed a person. 0 if it never did. */
  readonly attentionAt: number;
  /** Set once it is closed: from then on it can only be read. */
  readonly closedAt?: number;
}

export interface NewSession {
  /** Id of an agent. */
  readonly agent: string;
  /** At most 60 characters. By default the agent's id, with a number if it is taken. */
  readonly name?: string;
  /** Its first prompt. Without one, the agent starts with the next. */
  readonly prompt?: string;
  /**
   * True to work in a copy of its own, which begins where the task began; "workspace" for one that begins as the task's files are when
   * the session gets its first prompt.
   */
  readonly copy?: boolean | "workspace";
  /** Options of its agent, by their ids: its model, for example. */
  readonly options?: Readonly<Record<string, string>>;
}

/** What the files of an attempt take on disk: discarding it frees them. */
export interface AttemptStorage {
  readonly bytes: number;
  /** False if there are too many files to count: `bytes` is the least then. */
  readonly isComplete: boolean;
}

/** Names a session of a task. Absent: the first one that is open. */
export interface SessionChoice {
  readonly session?: string;
}

/** Actions of `task` about its sessions. */
export interface TaskSessionActions {
  /**
   * Starts another session in the workspace of the task. Throws `task.too_many_sessions`, `agent.*`,
   * `jail.unavailable`, and what a prompt throws.
   */
  startSession(input: NewSession): Promise<TaskSessionView>;
  /** Throws `task.session_not_found`, `task.invalid_input`. */
  renameSession(sessionId: string, name: string): Promise<void>;
  /**
   * Ends the agent of a session, which can only be read from then on; the files of an attempt are deleted. Idempotent.
   * Throws `task.session_not_found`, `task.session_busy`, `task.last_session`.
   */
  closeSession(sessionId: string): Promise<void>;
  /** The changes of an attempt; of any other session, those of the task. Throws `task.session_not_found`. */
  attemptDiff(sessionId: string): Promise<DiffView>;
  /** What the files of each open attempt take, by session; all sessions in the task's own workspace have the same. */
  attemptStorage(): Promise<Readonly<Record<string, AttemptStorage>>>;
  /**
   * Makes the work of an attempt that of the task. The other attempts are stopped and closed, and their files deleted.
   * Resolves with what that freed. Throws `task.session_not_found`, `task.session_closed`, `task.session_busy`,
   * `task.no_attempts`.
   */
  keepAttempt(sessionId: string): Promise<AttemptStorage>;
  /** When the person who asks has last read each session. A session that they never read is not in it. */
  seenSessions(): Promise<Readonly<Record<string, number>>>;
  /** Notes that the person who asks has read a session up to now. */
  markSession(sessionId: string): Promise<void>;
}

/** Events of `task` about its sessions. */
export interface TaskSessionEvents {
  /** Only for the connections of the person who has read a session. */
  sessionsSeen: Readonly<Record<string, number>>;
}

/** One attempt more: its agent, and the options of that agent that were chosen. */
export interface AttemptInput {
  readonly agent: string;
  /** Without them, an attempt of the task's own agent has those of the task. */
  readonly options?: Readonly<Record<string, string>>;
}
