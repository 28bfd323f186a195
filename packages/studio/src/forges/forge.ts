/**
 * Port to the servers that host repositories and pull requests (GitHub and its kin). It may use HTTP and node:crypto,
 * and knows no actor. The clients of single forges stand in folders below.
 */

/** One page of a list. `nextPage` is undefined for the last one. */
export interface ForgePage<Item> {
  readonly items: readonly Item[];
  readonly nextPage: number | undefined;
}

/** Page asked for, with the entity tag of its last answer, if it was asked for before. */
export interface PageRequest {
  /** Default: 1. */
  readonly page?: number;
  readonly etag?: string;
}

/** Answer to a {@link PageRequest}. An unchanged page has its old items, next page included. */
export type ConditionalPage<Item> =
  | { readonly isModified: false }
  | (ForgePage<Item> & { readonly isModified: true; readonly etag: string | undefined });

/** Who the credential belongs to: answer of "check now". */
export interface ForgeIdentity {
  /** User or App. */
  readonly kind: "user" | "app";
  readonly login: string;
}

export interface ForgeRepository {
  /** Id at the forge: stays when the repository is renamed. */
  readonly id: string;
  /** Owner and name with a slash between. */
  readonly fullName: string;
  readonly defaultBranch: string;
  /** HTTPS address for git, without a credential. */
  readonly cloneUrl: string;
  readonly webUrl: string;
  readonly isPrivate: boolean;
  readonly isArchived: boolean;
}

export interface ForgeBranch {
  readonly name: string;
  readonly commit: string;
  readonly isProtected: boolean;
}

/** Times are milliseconds since the epoch. */
export interface PullRequest {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly state: "open" | "closed" | "merged";
  readonly isDraft: boolean;
  readonly author: string;
  readonly headBranch: string;
  /** Full name of the head's repository; undefined when the fork is gone, or known to the forge by its number only. */
  readonly headRepository: string | undefined;
  readonly headCommit: string;
  readonly baseBranch: string;
  readonly mergeCommit: string | undefined;
  /** Undefined in lists, and while the forge is still computing it. */
  readonly isMergeable: boolean | undefined;
  readonly labels: readonly string[];
  /** Who is asked to review and has not done so. */
  readonly reviewers: readonly string[];
  /** Teams that are asked, as "owner/team". Absent without any. */
  readonly reviewTeams?: readonly string[];
  readonly assignees: readonly string[];
  readonly webUrl: string;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** Where the head of a pull request is. */
export interface PullRequestHead {
  /** Full name of its repository: a fork, or the one that has the pull request. */
  readonly repository: string;
  readonly isFork: boolean;
  readonly cloneUrl: string;
  readonly branch: string;
  /** True if those who may write the base may push to the fork. */
  readonly mayEdit: boolean;
}

export interface Issue {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly state: "open" | "closed";
  readonly author: string;
  readonly labels: readonly string[];
  readonly webUrl: string;
  readonly updatedAt: number;
}

/** Comment on a pull request, or on a line of its diff when it has `path`. */
export interface Comment {
  readonly id: string;
  readonly body: string;
  readonly author: string;
  readonly createdAt: number;
  /** When it was last changed, by its author or by others. Absent if it never was. */
  readonly editedAt?: number;
  readonly webUrl: string;
  readonly path?: string;
  /** Undefined when a later push removed the line. */
  readonly line?: number;
  readonly commit?: string;
  /** Id of the comment that this one answers. */
  readonly replyTo?: string;
}

/** A comment with the number of its pull request or issue. */
export interface ItemComment {
  readonly number: number;
  /** Absent where the number alone says it. */
  readonly isOnPullRequest?: boolean;
  readonly comment: Comment;
}

export interface Check {
  readonly id: string;
  readonly name: string;
  readonly status: "running" | "success" | "failure" | "cancelled" | "skipped";
  readonly webUrl: string | undefined;
}

/** Result that the Studio reports for a commit. A later one of the same name takes its place. */
export interface NewStatus {
  readonly name: string;
  readonly status: "running" | "success" | "failure";
  /** One line. Forges cut it at 140 to 255 characters. */
  readonly description?: string;
  readonly webUrl?: string;
}

export interface NewPullRequest {
  readonly title: string;
  readonly body: string;
  readonly headBranch: string;
  readonly baseBranch: string;
  readonly isDraft?: boolean;
  readonly labels?: readonly string[];
  readonly reviewers?: readonly string[];
  readonly assignees?: readonly string[];
}

/** Missing fields stay as they are. */
export interface PullRequestChange {
  readonly title?: string;
  readonly body?: string;
  readonly state?: "open" | "closed";
  readonly baseBranch?: string;
  /** False: the pull request is ready for review. */
  readonly isDraft?: boolean;
  readonly labels?: readonly string[];
  /** Added to those who are asked already. */
  readonly reviewers?: readonly string[];
  /** Added to those who have it already. */
  readonly assignees?: readonly string[];
}

export interface MergeRequest {
  readonly method: "merge" | "squash";
  /** The merge is refused when the head is another commit by now. */
  readonly expectedHead: string;
}

export interface NewReviewComment {
  readonly body: string;
  readonly path: string;
  /** Line of the new version of the file, from 1. */
  readonly line: number;
  readonly commit: string;
}

/** Credential of git for one repository. Give it to git by a credential helper or askpass, never in an address. */
export interface GitCredential {
  readonly cloneUrl: string;
  readonly username: string;
  readonly password: string;
  /** Milliseconds since the epoch; undefined for a token that the forge does not limit in time. */
  readonly expiresAt: number | undefined;
  /** False when the forge cannot narrow the credential to this repository. */
  readonly isForRepositoryOnly: boolean;
}

/** A webhook about pull requests and pushes. */
export interface WebhookTarget {
  readonly url: string;
  /** What the forge signs deliveries with. */
  readonly secret: string;
}

export type ForgeKind = "github" | "gitea" | "gitlab";

/**
 * Client of one forge with one credential. Repositories are named "owner/name", with more parts in groups
 * of GitLab. All methods throw the errors
 * `forge.*` of docs/errors-studio.md; an aborted signal rejects with its reason.
 */
export interface Forge {
  readonly kind: ForgeKind;
  /** Proves that the forge answers and takes the credential. */
  identify(signal?: AbortSignal): Promise<ForgeIdentity>;
  repositories(page?: number, signal?: AbortSignal): Promise<ForgePage<ForgeRepository>>;
  repository(fullName: string, signal?: AbortSignal): Promise<ForgeRepository>;
  /** By name, up to 100 a page. */
  branches(
    fullName: string,
    request: PageRequest,
    signal?: AbortSignal,
  ): Promise<ConditionalPage<ForgeBranch>>;
  /** All states, up to 100 a page, oldest first: so a new pull request changes the last page only. */
  pullRequests(
    fullName: string,
    request: PageRequest,
    signal?: AbortSignal,
  ): Promise<ConditionalPage<PullRequest>>;
  pullRequest(fullName: string, number: number, signal?: AbortSignal): Promise<PullRequest>;
  /** Where the head of a pull request is now. Throws `forge.not_found` when its fork is gone. */
  pullRequestHead(fullName: string, number: number, signal?: AbortSignal): Promise<PullRequestHead>;
  /** The open pull request of a branch of this repository, if there is one. */
  openPullRequestOf(
    fullName: string,
    headBranch: string,
    signal?: AbortSignal,
  ): Promise<PullRequest | undefined>;
  createPullRequest(fullName: string, given: NewPullRequest, signal?: AbortSignal): Promise<PullRequest>;
  updatePullRequest(
    fullName: string,
    number: number,
    change: PullRequestChange,
    signal?: AbortSignal,
  ): Promise<PullRequest>;
  /** Logins of those who can be asked to review, and to whom a pull request can be assigned. */
  people(fullName: string, page?: number, signal?: AbortSignal): Promise<ForgePage<string>>;
  /** Whether a user may push to the repository. */
  mayWrite(fullName: string, login: string, signal?: AbortSignal): Promise<boolean>;
  /** Names of the labels that there are. */
  labels(fullName: string, page?: number, signal?: AbortSignal): Promise<ForgePage<string>>;
  /**
   * Returns the commit on the base branch. `forge.refused` has a `reason` in its metadata: closed, merged, head_moved,
   * draft, conflict or policy.
   */
  mergePullRequest(
    fullName: string,
    number: number,
    merge: MergeRequest,
    signal?: AbortSignal,
  ): Promise<string>;
  /** Checks and statuses of a commit: the latest of each name. */
  checks(fullName: string, commit: string, page?: number, signal?: AbortSignal): Promise<ForgePage<Check>>;
  setStatus(fullName: string, commit: string, status: NewStatus, signal?: AbortSignal): Promise<void>;
  comments(
    fullName: string,
    number: number,
    page?: number,
    signal?: AbortSignal,
  ): Promise<ForgePage<Comment>>;
  reviewComments(
    fullName: string,
    number: number,
    page?: number,
    signal?: AbortSignal,
  ): Promise<ForgePage<Comment>>;
  /** Comments on all pull requests and issues that were written or changed since then, up to 200 a page. */
  recentComments(
    fullName: string,
    since: number,
    page?: number,
    signal?: AbortSignal,
  ): Promise<ForgePage<ItemComment>>;
  /** Logins of a team. Missing where teams are not asked to review. */
  teamMembers?(team: string, page?: number, signal?: AbortSignal): Promise<ForgePage<string>>;
  addComment(fullName: string, number: number, body: string, signal?: AbortSignal): Promise<Comment>;
  addIssueComment(fullName: string, number: number, body: string, signal?: AbortSignal): Promise<Comment>;
  addReviewComment(
    fullName: string,
    number: number,
    given: NewReviewComment,
    signal?: AbortSignal,
  ): Promise<Comment>;
  /** Open issues, without pull requests. A page may have fewer than 100. */
  issues(fullName: string, page?: number, signal?: AbortSignal): Promise<ForgePage<Issue>>;
  /** One issue, open or closed. A number of a pull request is `forge.not_found`. */
  issue(fullName: string, number: number, signal?: AbortSignal): Promise<Issue>;
  /** Who has reviewed since they were asked. Missing where those leave the reviewers. */
  reviewed?(fullName: string, number: number, signal?: AbortSignal): Promise<readonly string[]>;
  /** Credential to clone and push this repository. */
  gitCredential(fullName: string, signal?: AbortSignal): Promise<GitCredential>;
  /** Creates the webhook with this address, or gives the one that is there the secret. */
  ensureWebhook(fullName: string, target: WebhookTarget, signal?: AbortSignal): Promise<void>;
}
