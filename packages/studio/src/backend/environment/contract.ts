/** Types of the contract by subject: environments of repositories. */
import type { TaskError } from "../../contract/task-list.ts";

/** What the last commit of a repository asks for, to be worked on. */
export interface RepositoryEnvironment {
  readonly repository: string;
  /** The file that describes it. Absent if there is none: tasks start from a plain clone. */
  readonly source?: string;
  /** Why the file cannot be used. */
  readonly problem?: TaskError;
  /** Key of its `environment` actor, which exists once a preparation has begun. */
  readonly id?: string;
  readonly steps?: readonly string[];
  /** What runs beside each agent. Absent if there is nothing. */
  readonly services?: readonly string[];
  /** Files and folders whose changes make it be prepared again. */
  readonly inputs?: readonly string[];
  /** Keys of the file that have no effect here. */
  readonly notSupported?: readonly string[];
  /** True if the next task starts from a prepared copy. */
  readonly isPrepared?: boolean;
  /**
   * The node that is meant by `id`, `isPrepared` and `latest`: of those that run tasks, the one that has prepared it last.
   * Absent on a single node, and for other organizations than the first one.
   */
  readonly preparedBy?: string;
  /** The newest preparation. Absent before the first. */
  readonly latest?: EnvironmentView;
}

export type EnvironmentStatus = "preparing" | "ready" | "failed";

/** An environment: a repository and one state of its inputs, on one machine. */
export interface EnvironmentView {
  readonly id: string;
  readonly repository: string;
  /** The node with the repository. Absent on a single node. */
  readonly node?: string;
  readonly source: string;
  /** False if tasks start without it when it fails. */
  readonly required: boolean;
  /** The commit from which it was prepared. */
  readonly commit: string;
  readonly inputs: readonly string[];
  readonly notSupported: readonly string[];
  readonly status: EnvironmentStatus;
  readonly steps: readonly EnvironmentStepView[];
  readonly error?: TaskError;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Incremented by every change. */
  readonly revision: number;
}

export interface EnvironmentStepView {
  readonly name: string;
  readonly state: "waiting" | "running" | "done" | "failed";
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** The end of its output, at most 16,384 characters. */
  readonly output: string;
  /** Number of characters that it has written: the position after `output`. */
  readonly outputEnd: number;
}

/** A view without the output of its steps. */
export interface EnvironmentChange extends Omit<EnvironmentView, "steps"> {
  readonly steps: readonly Omit<EnvironmentStepView, "output" | "outputEnd">[];
}

/** A piece of a step's output. A client that sees a gap reads the environment again. */
export interface EnvironmentOutput {
  readonly step: number;
  /** Position of its first character. */
  readonly start: number;
  readonly text: string;
}

/** Actions of `environment`. Errors: group "environment". */
export interface EnvironmentActions {
  /** Throws `environment.not_found`. */
  get(): Promise<EnvironmentView>;
  /** Ends a running preparation. Idempotent. */
  stop(): Promise<void>;
}

/** Events of `environment`. */
export interface EnvironmentEvents {
  changed: EnvironmentChange;
  output: EnvironmentOutput;
}
