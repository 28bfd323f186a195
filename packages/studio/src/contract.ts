/**
 * Contract between the Studio's backend actors and their clients (web app, CLI): names, types, events. Contains only
 * types; the actors in `backend/` implement it, `web/` and the `holdfast` command use it.
 *
 * Actors: `organization` (key ["local"]) is the root and holds the index of tasks; `task` (key [taskId]) owns a unit
 * of work on one repository; `session` (key [sessionId]) owns the append-only log of one conversation with an agent;
 * `group` (key [name]) queues the events of one group; `environment` (key [id]) has the progress of preparing a
 * repository; `inbox` (key [person]) has what needs a person; `notifications` (key [person]) delivers it; `attention`
 * (key ["local"]) has the open approvals of all tasks; `drafts` (key [person]) has the prompts that a person has not sent.
 * `usage` (key ["local"]) counts what was used, and has the budgets. All times are in milliseconds since the epoch.
 */

import type { RepositoryEnvironment } from "./backend/environment/contract.ts";
import type { RepositoryListActions, RepositorySummary } from "./backend/repositories/contract.ts";
import type { ApprovalAnswer, ApprovalAnswerOutcome, ApprovalView } from "./contract/approvals.ts";
import type { ChecksActions, ChecksEvents } from "./contract/checks.ts";
import type { Me, OwnershipActions, TaskHandover, TaskOffer } from "./contract/people.ts";
import type { AgentOption, AttachmentView, FoundFiles, PromptActions } from "./contract/prompts.ts";
import type {
  PublicationChange,
  PublishActions,
  StackActions,
  TaskPullRequest,
  TaskStack,
} from "./contract/publish.ts";
import type { ReviewActions, ReviewChange } from "./contract/review.ts";
import type {
  AttemptInput,
  SessionChoice,
  TaskSessionActions,
  TaskSessionEvents,
  TaskSessionView,
  TokenUsage,
} from "./contract/sessions.ts";
import type {
  TaskError,
  TaskLabelActions,
  TaskListActions,
  TaskListEvents,
  TaskSummary,
} from "./contract/task-list.ts";
import type { GroupView } from "./groups/contract.ts";

export type * from "./backend/environment/contract.ts";
export type {
  ApprovalAnswer,
  ApprovalAnsweredBy,
  ApprovalAnswerOutcome,
  ApprovalOption,
  ApprovalQueue,
  ApprovalQueuePatch,
  ApprovalView,
  AttentionActions,
  AttentionEvents,
  OpenApproval,
  SettledApproval,
} from "./contract/approvals.ts";
export type {
  AttemptCheck,
  AttemptChecksView,
  CheckOutput,
  CheckProblem,
  CheckRun,
  CheckRunState,
  ChecksActions,
  ChecksChange,
  ChecksView,
  CheckView,
} from "./contract/checks.ts";
export type { DiffFile, DiffView } from "./contract/diff.ts";
export type * from "./contract/inbox.ts";
export type * from "./contract/notifications.ts";
export type {
  AccountActions,
  AccountLink,
  AccountProof,
  ForgeAccount,
  Me,
  OwnershipActions,
  TaskHandover,
  TaskOffer,
} from "./contract/people.ts";
export type * from "./contract/prompts.ts";
export type * from "./contract/publish.ts";
export type {
  DiffCompare,
  FileBytes,
  FileLines,
  FilePart,
  HunkPlace,
  RevertInput,
  RevertView,
  ReviewActions,
  ReviewChange,
  ReviewComment,
  ReviewCommentInput,
  ReviewLines,
  ReviewView,
  SavedEntry,
  SavedFolder,
  SavedMatch,
  SavedMatches,
  TaskCommit,
  ViewedFile,
} from "./contract/review.ts";
export type * from "./contract/schedules.ts";
export type {
  AttemptInput,
  AttemptStorage,
  NewSession,
  SessionChoice,
  TaskSessionActions,
  TaskSessionEvents,
  TaskSessionView,
  TokenUsage,
} from "./contract/sessions.ts";
export type {
  SavedView,
  StackTask,
  TaskCount,
  TaskCounts,
  TaskError,
  TaskFilter,
  TaskGrouping,
  TaskLabelActions,
  TaskListActions,
  TaskListEvents,
  TaskMatch,
  TaskOrigin,
  TaskOutcome,
  TaskOwnerCount,
  TaskPage,
  TaskQuery,
  TaskStarter,
  TaskStatus,
  TaskStorage,
  TaskSummary,
} from "./contract/task-list.ts";
export type * from "./groups/contract.ts";

export interface TaskView extends TaskSummary {
  /** The first session. */
  readonly sessionId: string;
  /** All sessions, oldest first, the closed ones too. What the view has beside them is about all of the open ones. */
  readonly sessions: readonly TaskSessionView[];
  /** Branch and commit on which the work is based: the merge base of the diff. */
  readonly base: { readonly branch: string; readonly commit: string };
  readonly approvals: readonly ApprovalView[];
  readonly usage: TokenUsage;
  readonly applied?: AppliedBranch;
  /** The pull request of a fork that it starts from. */
  readonly fork?: TaskFork;
  /** Its pull request, once it is published. */
  readonly pullRequest?: TaskPullRequest;
  /** The tasks below and above it. Absent for a task on its own. */
  readonly stack?: TaskStack;
  /** Queued prompts of the first session. */
  readonly queued?: TaskSessionView["queued"];
  /** Options of the agent of the first session that were chosen, by their ids. */
  readonly options?: Readonly<Record<string, string>>;
  /** Ids of the people who get its news. Absent for a task of a group, whose news everybody gets. */
  readonly watchedBy?: readonly string[];
  /** While it is offered to another member. */
  readonly offer?: TaskOffer;
  /** How it came to its owners, oldest first, at most 50. Absent if it was never handed over. */
  readonly handovers?: readonly TaskHandover[];
  /** Incremented by every change. Clients drop views that are older than the one they have. */
  readonly revision: number;
}

/** The pull request of a fork that a task starts from: code of people who may not write the repository. */
export interface TaskFork {
  readonly number: number;
  readonly webUrl: string;
  /** Full name of the fork, and its branch. */
  readonly repository: string;
  readonly branch: string;
  /** Whether the task gets the secrets of the repository's environment. `asked`: it waits for somebody to decide. */
  readonly secrets: "none" | "asked" | "allowed" | "withheld";
}

export interface AppliedBranch {
  readonly branch: string;
  readonly commit: string;
  readonly appliedAt: number;
}

/** A record of a session's log. `seq` starts at 1 and has no gaps. */
export interface SessionEvent {
  readonly seq: number;
  readonly at: number;
  readonly body: SessionEventBody;
}

export type SessionEventBody =
  /** An unmodified ACP envelope; `direction` is from the host's perspective. */
  | { readonly type: "acp"; readonly direction: "to-agent" | "from-agent"; readonly envelope: unknown }
  | {
      readonly type: "prompt";
      readonly text: string;
      readonly attachments?: readonly AttachmentView[];
    }
  /** A new agent process serves the session. `resumed` is the way in which it continues the conversation. */
  | {
      readonly type: "agent-started";
      readonly agent: string;
      readonly resumed: "new" | "native" | "transcript";
    }
  /** The agent, its jail or the server went away in the middle of a turn. */
  | { readonly type: "interrupted"; readonly reason: string }
  /** About the node that runs the task, and its files there. */
  | { readonly type: "note"; readonly text: string }
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
  /** The newest sequence number of the log; equals that of the last event if the page reaches the end. */
  readonly head: number;
}

export interface AgentChoice {
  readonly id: string;
  readonly name: string;
  readonly installed: boolean;
  readonly version?: string;
  /** How to install it, or how to configure its model key. */
  readonly hint?: string;
  /** False if it needs a model and has neither a key nor a login. */
  readonly ready: boolean;
  /** What it is known to offer before it runs: models and modes. */
  readonly options?: readonly AgentOption[];
}

export interface SystemStatus {
  readonly version: string;
  /** The node that was checked. Absent on a single node, and for other organizations than the first one. */
  readonly node?: string;
  readonly startedAt: number;
  readonly dataDirectory: string;
  readonly checks: readonly SystemCheck[];
  readonly tasks: { readonly total: number; readonly active: number };
  readonly memoryBytes: number;
  readonly unsafe: boolean;
  /** What runs for the organization on all nodes, oldest first. */
  readonly sandboxes: readonly SandboxView[];
  /**
   * The nodes that did not answer, whose sandboxes are not in the list. Absent if there are none; without names for other
   * organizations than the first one.
   */
  readonly unanswered?: readonly string[];
}

/** A running jail: that of an agent, a check, or a step of an environment. What is not measured is absent. */
export interface SandboxView {
  readonly id: string;
  /** Absent on a single node, and for other organizations than the first one. */
  readonly node?: string;
  readonly startedAt: number;
  readonly task?: { readonly id: string; readonly title: string };
  readonly memoryBytes?: number;
  readonly pids?: number;
  /** Content of its writable folders when it was last measured. */
  readonly diskBytes?: number;
}

export interface SystemCheck {
  readonly id: string;
  readonly name: string;
  readonly status: "ok" | "warning" | "failed";
  readonly detail: string;
  /** The exact command or step that fixes the problem. */
  readonly fix?: string;
  /** The page of the Studio where it is fixed. Whatever is not "ok" has this or `fix`. */
  readonly page?: "budgets";
}

export interface CreateTaskInput {
  /** Absolute path of a local git repository, the id of a connected one, or "sample" for the bundled one. */
  readonly repository: string;
  /** Branch of a connected repository. Default: its default branch. */
  readonly branch?: string;
  /** Number of a pull request of a connected repository to start from, instead of a branch; also one of a fork. */
  readonly pullRequest?: number;
  /**
   * Id of a task with an open pull request to start on top of: from its branch, and in its repository, whatever `repository`
   * says. The task is moved when that branch changes, or is merged.
   */
  readonly onTask?: string;
  /** The pull request or issue of a connected repository that it is about: it waits for nobody any more. */
  readonly item?: { readonly kind: "pull-request" | "issue"; readonly number: number };
  readonly agent: string;
  /**
   * Agents of further attempts at the same prompt, each in a copy of its own, at most 7. They run in parallel, and one of
   * them is kept: `keepAttempt` of the task.
   */
  readonly attempts?: readonly (string | AttemptInput)[];
  readonly prompt: string;
  /** Start from the last commit even if the working tree has uncommitted changes. */
  readonly fromHead?: boolean;
  /** Ids of uploaded files that come with the prompt. */
  readonly attachments?: readonly string[];
  /** Options of the agent, by their ids: its model, for example. */
  readonly options?: Readonly<Record<string, string>>;
  readonly labels?: readonly string[];
}

export interface RepositoryCheck {
  readonly path: string;
  /** The node that has it. Absent on a single node. */
  readonly node?: string;
  readonly branch: string;
  readonly commit: string;
  readonly dirty: boolean;
}

/** Actions of `organization`. Errors: group "repository", "agent", "task". */
export interface OrganizationActions extends TaskListActions, RepositoryListActions {
  me(): Promise<Me>;
  createTask(input: CreateTaskInput): Promise<TaskSummary>;
  /** Throws `repository.not_found`, `.not_a_repository`, `.bare`, `.unreadable`, `.empty`. */
  checkRepository(path: string): Promise<RepositoryCheck>;
  /** Files of the last commit of a folder whose paths match. Throws `repository.*`. */
  repositoryFiles(path: string, query: string): Promise<FoundFiles>;
  listAgents(): Promise<readonly AgentChoice[]>;
  system(): Promise<SystemStatus>;
  listGroups(): Promise<readonly GroupView[]>;
  /** The environment of a repository's last commit. Throws `repository.*`, `environment.elsewhere`. */
  environment(path: string): Promise<RepositoryEnvironment>;
  /**
   * Begins to prepare the environment of a repository's last commit, unless it is prepared; with `again`, anew. Resolves
   * when it has begun. Throws `repository.*`, `environment.none`, `.invalid_file`, `.elsewhere`, `jail.unavailable`.
   */
  prepareEnvironment(path: string, options?: { readonly again?: boolean }): Promise<RepositoryEnvironment>;
}

/** Events of `organization`. */
export interface OrganizationEvents extends TaskListEvents {
  repositoryChanged: RepositorySummary;
  /** Id of a repository that was disconnected. */
  repositoryRemoved: string;
  /** Members, their names and roles, or invitations are others than before: read them again. */
  peopleChanged: null;
}

/** Actions of `task`. */
export interface TaskActions
  extends PublishActions,
    StackActions,
    PromptActions,
    TaskSessionActions,
    OwnershipActions,
    TaskLabelActions,
    ReviewActions,
    ChecksActions {
  get(): Promise<TaskView>;
  /** Aborts the current turn of a session within a second; without a session, those of all. Idempotent. */
  stop(session?: SessionChoice): Promise<void>;
  /** Begins or ends to tell the news of this task to whoever calls. */
  watch(isWatching: boolean): Promise<void>;
  /**
   * Answers a question once. Throws `approval.already_settled`, which says who answered it, `.agent_gone`, `.expired`,
   * `.not_found`.
   */
  answer(approvalId: string, optionId: string): Promise<void>;
  /**
   * Answers up to 100 questions, independently and in order. A refused answer is reported in its outcome and does not
   * affect the others.
   */
  answerMany(answers: readonly ApprovalAnswer[]): Promise<readonly ApprovalAnswerOutcome[]>;
  /**
   * Whether a task that starts from a fork gets the secrets of the repository's environment; prompts that wait for the answer
   * go on. Throws `task.no_fork`, `.secrets_decided`, `.secrets_not_asked`.
   */
  decideSecrets(isAllowed: boolean): Promise<void>;
  /** Publishes the changes as a new branch of the user's repository. Idempotent for one state of the workspace. */
  apply(options?: { readonly branch?: string }): Promise<AppliedBranch>;
}

/** Events of `task`. */
export interface TaskEvents extends TaskSessionEvents, ChecksEvents {
  changed: TaskView;
  reviewChanged: ReviewChange;
  publicationChanged: PublicationChange;
}

/** Actions of `session`. */
export interface SessionActions {
  /** Returns events with `seq > after`, oldest first, at most `limit` (default 500, maximum 1,000). */
  events(query: { readonly after: number; readonly limit?: number }): Promise<SessionPage>;
}

/** Events of `session`. A client that sees a gap in `seq` fetches the missing events with `events`. */
export interface SessionEvents {
  appended: readonly SessionEvent[];
}
