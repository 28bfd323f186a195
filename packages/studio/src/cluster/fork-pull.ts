/** The pull request of a fork that a task starts from: code of people who may not write the repository. */
export interface ForkPull {
  readonly number: number;
  readonly title: string;
  readonly webUrl: string;
  /** Full name of the fork. */
  readonly repository: string;
  /** Branch of the fork. */
  readonly branch: string;
  /** Branch that it asks to be merged into. */
  readonly baseBranch: string;
  /** Reference under which the base's repository has its head. */
  readonly ref: string;
  /** True if the fork allowed edits of maintainers when the task was created. */
  readonly mayEdit: boolean;
}
