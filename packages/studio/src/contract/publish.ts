import type { Check, Comment, ForgeKind, PullRequest } from "../forges/forge.ts";
import type { SessionChoice } from "./sessions.ts";
import type { StackTask, TaskError } from "./task-list.ts";

/** A task's way to a pull request: where to, what is proposed, and the pull request as it is at the forge. */
export interface PublicationView extends PublicationChange {
  /** Null if the repository is not connected; `problem` then says what to do. */
  readonly target: PublishTarget | null;
  readonly problem?: TaskError;
  readonly proposal: PublishProposal;
  /** The pull request of a fork that the task starts from: it can be pushed to. */
  readonly fork?: PublishFork;
}

export interface PublishFork {
  readonly number: number;
  /** Full name of the fork, and its branch. */
  readonly repository: string;
  readonly branch: string;
  /** False if the fork does not allow edits of those who may write the base. */
  readonly mayEdit: boolean;
}

/** The part of a publication that changes while it is shown. */
export interface PublicationChange {
  /** What is being done, if anything is. */
  readonly progress: "pushing" | "opening" | null;
  /** Why the last attempt to publish failed. */
  readonly error?: TaskError;
  readonly pullRequest?: PullRequestDetails;
  /** Number of comments and failed checks that the agent has not got yet. */
  readonly unaddressed: number;
  /** Incremented by every change. */
  readonly revision: number;
}

/** The repository of a forge to which a task is published. */
export interface PublishTarget {
  /** Key of its `repository` actor. */
  readonly repositoryId: string;
  readonly name: string;
  readonly kind: ForgeKind;
}

export interface PublishProposal {
  readonly title: string;
  readonly body: string;
  readonly branch: string;
  readonly baseBranch: string;
  /** The repository's templates of pull requests, when there are several to choose from. */
  readonly templates?: readonly { readonly name: string; readonly body: string }[];
}

/** Names of the forge that are proposed while a pull request is written. */
export interface PublishChoices {
  /** Who can review, and to whom it can be assigned. */
  readonly people: readonly string[];
  readonly labels: readonly string[];
}

/** What to publish with. What is missing is as proposed; of an open pull request it stays as it is. */
export interface PublishInput {
  readonly title?: string;
  readonly body?: string;
  /** Only when the pull request is opened. */
  readonly draft?: boolean;
  readonly baseBranch?: string;
  /** Begins with "holdfast/". Another one than before opens another pull request. */
  readonly branch?: string;
  /**
   * Of a task that starts from a fork: to the branch of the fork, or to one of this repository's own. Default: where it was
   * published before, else to the fork.
   */
  readonly to?: "fork" | "branch";
  /** Names of users at the forge, who are asked to review. */
  readonly reviewers?: readonly string[];
  /** Names of users at the forge, to whom it is assigned. */
  readonly assignees?: readonly string[];
  /** They take the place of those that it has. */
  readonly labels?: readonly string[];
}

/** A task whose branch another one is based on, as that one knows it. */
export interface StackParent extends StackTask {
  readonly branch: string;
  /** Its pull request. */
  readonly number: number;
  readonly webUrl: string;
  readonly state: PullRequest["state"];
}

/** The tasks below and above a task, and whether it is on the newest commit of its base. */
export interface TaskStack {
  readonly parent?: StackParent;
  readonly children: readonly StackTask[];
  /** The branch whose newest commit the task has yet to be moved to. */
  readonly onto?: string;
  /** Paths that do not fit on that commit: somebody has to ask for their resolution. */
  readonly conflicts?: readonly string[];
  /** Why the task could not be moved. */
  readonly error?: TaskError;
}

/** Actions of `task` about its base. Errors: group "stack". */
export interface StackActions {
  /**
   * Moves the task, and its open pull request, to the newest commit of its base branch. Conflicts are returned and change
   * nothing; with `resolve`, the files get them with git's markers, and the agent is asked to resolve them. Throws `stack.*`,
   * `forge.*`, `repository.*`.
   */
  rebase(options?: { readonly resolve?: boolean }): Promise<{ readonly conflicts: readonly string[] }>;
}

/** A task's pull request, as it was read last. */
export interface TaskPullRequest {
  readonly repository: string;
  readonly number: number;
  readonly webUrl: string;
  readonly title: string;
  readonly state: PullRequest["state"];
  readonly isDraft: boolean;
  readonly checks: "none" | "running" | "success" | "failure";
}

export interface PullRequestDetails extends TaskPullRequest {
  readonly headBranch: string;
  readonly headCommit: string;
  readonly baseBranch: string;
  /** False for a conflict with the base branch; null while the forge is computing it. */
  readonly isMergeable: boolean | null;
  readonly reviewers: readonly string[];
  /** Absent in what was read by earlier versions. */
  readonly assignees?: readonly string[];
  readonly labels?: readonly string[];
  readonly checkList: readonly Check[];
  /** The newest, oldest first. Long ones are cut. */
  readonly comments: readonly Comment[];
  readonly readAt: number;
  /** Why it could not be read since then. */
  readonly readError?: TaskError;
}

/** Actions of `task` about its pull request. Errors: groups "publish" and "forge". */
export interface PublishActions {
  publication(): Promise<PublicationView>;
  /**
   * Pushes the changes to a branch of the forge and opens a pull request, or updates the open one. Can be interrupted and
   * repeated. Throws `publish.*`, `forge.*`, `apply.nothing_to_apply`.
   */
  publish(input?: PublishInput): Promise<PublicationView>;
  /** Names to choose from, read from the forge. Throws `publish.not_connected`, `publish.no_remote`, `forge.*`. */
  publishChoices(): Promise<PublishChoices>;
  /** Says at the forge that a draft is ready for review. Throws `publish.no_pull_request`, `forge.*`. */
  markReady(): Promise<PublicationView>;
  /** Reads the pull request from the forge now. Throws `publish.no_pull_request`. */
  readPullRequest(): Promise<PublicationView>;
  /** Merges the pull request at the commit that was read last. Throws `publish.no_pull_request`, `forge.*`. */
  mergePullRequest(options?: { readonly method?: "merge" | "squash" }): Promise<PublicationView>;
  /**
   * Sends the comments and failed checks that the agent has not got yet as one prompt. Throws `publish.nothing_to_address`,
   * and the errors of a prompt.
   */
  addressReview(to?: SessionChoice): Promise<PublicationView>;
}
