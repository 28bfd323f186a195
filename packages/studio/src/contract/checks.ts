import type { SessionChoice } from "./sessions.ts";
import type { TaskError } from "./task-list.ts";

/** The checks of a task: commands that its repository names, and their results. */
export interface ChecksView {
  /** The file that names them, as the commit has it from which the task started. Absent if there is none. */
  readonly source?: string;
  /** Why that file cannot be used. */
  readonly problem?: TaskError;
  /** In the order of the file. */
  readonly checks: readonly CheckView[];
  /** Incremented by every change. A client that sees a gap between two changes reads the checks again. */
  readonly revision: number;
}

export interface CheckView {
  readonly name: string;
  /** The command of the shell. */
  readonly run: string;
  /** It is ended after this time. */
  readonly timeoutMs: number;
  /** True if it runs after each turn of the agent. */
  readonly isAfterTurn: boolean;
  /** Newest first, at most one for each state of the files. */
  readonly runs: readonly CheckRun[];
}

export type CheckRunState =
  | "waiting"
  | "running"
  | "passed"
  | "failed"
  | "timed-out"
  /** A person stopped it. */
  | "stopped"
  /** The server stopped while it ran or waited. */
  | "interrupted";

export interface CheckRun {
  readonly id: string;
  readonly state: CheckRunState;
  /** The state of the files that was checked: `tree` of a diff. Absent until it runs. */
  readonly tree?: string;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** Why it failed: "exit code 1", or what ended the jail. */
  readonly reason?: string;
  /** Places that the output names, if it failed. */
  readonly problems: readonly CheckProblem[];
  /** The end of its output, at most 16,384 characters. Only the newest run of a check has it. */
  readonly output: string;
  /** Number of characters that it has written: the position after `output`. */
  readonly outputEnd: number;
  /** True if the files changed while it ran. */
  readonly isMoved?: boolean;
  /** Since when the files are others than those that were checked. */
  readonly staleAt?: number;
  /** When the agent got the failure. */
  readonly sentAt?: number;
}

/** A place in a file of the task that the output of a check names. */
export interface CheckProblem {
  readonly path: string;
  /** Starts at 1. */
  readonly line: number;
  /** Starts at 1; absent if the output names none. */
  readonly column?: number;
  readonly message: string;
}

/** A change of one check. The output of its runs has an event of its own. */
export interface ChecksChange {
  readonly revision: number;
  readonly name: string;
  readonly runs: readonly Omit<CheckRun, "output">[];
}

/** A piece of the output of a run. A client that sees a gap reads the checks again. */
export interface CheckOutput {
  readonly name: string;
  readonly runId: string;
  /** Position of its first character. */
  readonly start: number;
  readonly text: string;
}

/** The result of a check in the files of an attempt. */
export interface AttemptCheck {
  readonly name: string;
  readonly state: CheckRunState;
  /** The state of the files that was checked: `tree` of the attempt's diff. Absent until it runs. */
  readonly tree?: string;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly reason?: string;
  /** The end of the output of one that did not pass. */
  readonly output: string;
}

/** The checks of attempts, by the ids of their sessions. */
export type AttemptChecksView = Readonly<Record<string, readonly AttemptCheck[]>>;

/** Actions of `task` about its checks. Errors: group "checks". */
export interface ChecksActions {
  checks(): Promise<ChecksView>;
  /**
   * Begins to run checks, one after the other; all of them without names. Those that run or wait already are not repeated.
   * Throws `checks.none`, `.not_found`, `.agent_working`, `environment.invalid_file`, `task.not_prepared`.
   */
  runChecks(names?: readonly string[]): Promise<ChecksView>;
  /** Ends the run in progress, and those that wait; those of attempts too. Idempotent. */
  stopChecks(): Promise<ChecksView>;
  /** Sends the failure of a check as a prompt. Throws `checks.not_failed`, and the errors of a prompt. */
  sendCheck(name: string, to?: SessionChoice): Promise<void>;
  attemptChecks(): Promise<AttemptChecksView>;
  /**
   * Begins to run all checks in the files of each attempt; without ids, of every one. Throws `task.no_attempts`,
   * `.session_not_found`, `.not_prepared`, `checks.none`, `.agent_working`, `environment.invalid_file`.
   */
  runAttemptChecks(sessionIds?: readonly string[]): Promise<AttemptChecksView>;
}

export interface ChecksEvents {
  checksChanged: ChecksChange;
  checkOutput: CheckOutput;
  attemptChecksChanged: AttemptChecksView;
}
