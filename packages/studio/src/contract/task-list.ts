/** Types of the contract by subject: the list of tasks. */

export type TaskStatus =
  /** Cloning the repository and starting the jail and the agent. */
  | "preparing"
  /** The agent works on a prompt. */
  | "running"
  /** The agent waits for the answer to an approval, or the task for the one that `error` asks for before it starts. */
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
  /** True if it runs without a jail (`--unsafe-no-jail`); shown wherever the task is shown. */
  readonly unsafe: boolean;
  readonly error?: TaskError;
  /** Number of open approvals. Absent in index rows from earlier versions. */
  readonly openApprovals?: number;
  /** Number of open sessions. Absent if there is one. */
  readonly openSessions?: number;
  /** Number of attempts that wait for one of them to be kept. Absent if there is none to choose. */
  readonly attempts?: number;
  /** The group event that started its newest turn, if any. */
  readonly origin?: TaskOrigin;
  /** The person who started it. Absent for the operator and for groups. */
  readonly startedBy?: TaskStarter;
  /** Whose it is: whoever started it, until it is handed over. Absent if nobody owns it. */
  readonly owner?: TaskStarter;
  /** By name. Absent if it has none. */
  readonly labels?: readonly string[];
  /** The task on whose branch it is based. */
  readonly on?: StackTask;
  /** Set while it is archived. The list of tasks has it, the task itself does not. */
  readonly archivedAt?: number;
  /**
   * When it last needed a person: its turn ended, it failed, or it asked something. 0 if it never did. The list of
   * tasks has it, the task itself does not.
   */
  readonly attentionAt?: number;
}

/** A task of a stack, as another one of it knows it. */
export interface StackTask {
  readonly taskId: string;
  readonly title: string;
}

/** A person, with the name that they had then. */
export interface TaskStarter {
  readonly id: string;
  readonly name: string;
}

/** The event that started a turn. */
export interface TaskOrigin {
  readonly group: string;
  readonly topic: string;
  /** "prompt", "plugin:NAME", "webhook:NAME". */
  readonly source: string;
  /** Sequence number in the group. */
  readonly event: number;
}

export interface TaskError {
  readonly group: string;
  readonly code: string;
  readonly message: string;
  /** Id of the environment with the step that failed. */
  readonly environment?: string;
}

/** Which tasks. Absent parts exclude none; of a list, one value must match. */
export interface TaskFilter {
  /**
   * Words, at most 200 characters. Each begins a word of the title, of a label, of a prompt or of the transcript.
   */
  readonly search?: string;
  /** At most 50 values each. */
  readonly repositories?: readonly string[];
  readonly agents?: readonly string[];
  readonly statuses?: readonly TaskStatus[];
  /** Ids of people. */
  readonly owners?: readonly string[];
  readonly labels?: readonly string[];
  /** True for archived tasks alone. By default, the others alone. */
  readonly archived?: boolean;
  /** True for tasks alone that are unread by the person who asks. */
  readonly unread?: boolean;
}

/** A task with several labels is in the group of the first one, by name. */
export type TaskGrouping = "repository" | "agent" | "status" | "owner" | "label";

/** A page of the list: newest first, or in the order of their groups and then newest first. */
export interface TaskQuery extends TaskFilter {
  readonly group?: TaskGrouping;
  /** At most 200, by default 50. */
  readonly limit?: number;
  /** That of the page before. */
  readonly cursor?: string;
}

export interface TaskPage {
  readonly tasks: readonly TaskSummary[];
  /** Absent on the last page. */
  readonly cursor?: string;
  /**
   * What the person who asks has seen of these tasks: the `attentionAt` that they had then, by id. A task is unread if
   * its `attentionAt` is later; one that is not in here counts as seen at 0.
   */
  readonly seen: Readonly<Record<string, number>>;
  /** With `search`: where the words were found, by id. */
  readonly matches?: Readonly<Record<string, TaskMatch>>;
}

export interface TaskMatch {
  readonly kind: "title" | "label" | "prompt" | "transcript";
  /** A passage with the words, cut into parts: every second one, beginning with the second, is a word that was found. */
  readonly parts: readonly string[];
}

/** Numbers of tasks that a filter selects. Of each list, the 200 most frequent values. */
export interface TaskCounts {
  readonly total: number;
  readonly unread: number;
  readonly repositories: readonly TaskCount[];
  readonly agents: readonly TaskCount[];
  readonly statuses: readonly TaskCount[];
  /** By the ids of people. Tasks that nobody owns are in none. */
  readonly owners: readonly TaskOwnerCount[];
  /** A task with several labels is in each of them. */
  readonly labels: readonly TaskCount[];
}

export interface TaskCount {
  readonly value: string;
  readonly count: number;
}

export interface TaskOwnerCount extends TaskCount {
  readonly name: string;
}

/** What a task keeps on disk, in bytes. Deleting it frees this. */
export interface TaskStorage {
  /** Clone, workspace and home. */
  readonly filesBytes: number;
  /** False if there are too many files to count: `filesBytes` is the least then. */
  readonly isComplete: boolean;
  /** The log of its session. */
  readonly transcriptBytes: number;
}

/** A way to look at the list that a person has saved under a name. */
export interface SavedView {
  /** Chosen by the client: saving again with the same id replaces the view. At most 100 characters. */
  readonly id: string;
  readonly name: string;
  readonly kind: "list" | "board";
  readonly filter: TaskFilter;
  readonly group?: TaskGrouping;
}

export interface TaskOutcome {
  readonly taskId: string;
  /** Why nothing was done. */
  readonly error?: TaskError;
}

/** Actions of `organization` about its list of tasks. */
export interface TaskListActions {
  /** Throws `task.invalid_input`. */
  listTasks(query?: TaskQuery): Promise<TaskPage>;
  /** Throws `task.invalid_input`. */
  countTasks(filter?: TaskFilter): Promise<TaskCounts>;
  /**
   * Archives up to 100 tasks, each on its own: `task.busy` in its outcome while an agent works on it, `task.not_found`.
   * The next prompt restores a task.
   */
  archiveTasks(taskIds: readonly string[]): Promise<readonly TaskOutcome[]>;
  /** Restores up to 100 archived tasks, each on its own: `task.not_found` in its outcome. */
  restoreTasks(taskIds: readonly string[]): Promise<readonly TaskOutcome[]>;
  /** Marks up to 100 tasks as read, or as unread, for the person who asks. Unknown ones are ignored. */
  markTasks(taskIds: readonly string[], as: "read" | "unread"): Promise<void>;
  /** The views that the person who asks has saved, oldest first. */
  listViews(): Promise<readonly SavedView[]>;
  /** Saves a view, or replaces the one with its id. Throws `task.invalid_input`, `task.too_many_views`. */
  saveView(view: SavedView): Promise<void>;
  /** Idempotent. */
  deleteView(id: string): Promise<void>;
  /** Throws `task.not_found`. */
  taskStorage(taskId: string): Promise<TaskStorage>;
  /**
   * Deletes a task, its session and its files for good; branches of repositories stay. Resolves with what was freed.
   * Throws `task.not_found`, `task.busy`, `task.delete_failed`.
   */
  deleteTask(taskId: string): Promise<TaskStorage>;
}

/** The actions of `task` about its labels. */
export interface TaskLabelActions {
  /**
   * Replaces all labels of the task: at most 20, each of 1 to 50 characters without commas and control characters; of those
   * that differ in case alone, the first one stays. Resolves with the labels by name. Throws `task.invalid_input`.
   */
  setLabels(labels: readonly string[]): Promise<readonly string[]>;
  /**
   * Takes labels from the task, whatever their case, and then gives it others, so that changes of two people at once both
   * hold. What is there already, or is not, is no error. Resolves with all labels by name. Throws `task.invalid_input`.
   */
  changeLabels(change: {
    readonly add?: readonly string[];
    readonly remove?: readonly string[];
  }): Promise<readonly string[]>;
}

/** Events of `organization` about its list of tasks. */
export interface TaskListEvents {
  taskChanged: TaskSummary;
  taskDeleted: { readonly taskId: string };
  /** Only for the connections of the person whose marks changed: the part of `seen` that is new. */
  seenChanged: { readonly seen: Readonly<Record<string, number>> };
  /** Only for the connections of the person who saved or deleted a view: all of their views. */
  viewsChanged: { readonly views: readonly SavedView[] };
}
