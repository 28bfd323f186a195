import type {
  Check,
  Comment,
  ForgeBranch,
  ForgeRepository,
  Issue,
  ItemComment,
  PullRequest,
} from "../forge.ts";
import { editedAt } from "../http/edited-at.ts";

/** Fields of the answers of Gitea's API v1 that are read. */
export interface GiteaRepositoryRow {
  readonly id: number;
  readonly full_name: string;
  readonly default_branch: string;
  readonly clone_url: string;
  readonly html_url: string;
  readonly private: boolean;
  readonly archived: boolean;
}

interface GiteaUserRow {
  readonly login: string;
}

interface GiteaBranchEnd {
  /** Name of the branch; `ref` is another one when the branch is gone. */
  readonly label: string;
  readonly sha: string;
  readonly repo: { readonly full_name: string; readonly clone_url?: string } | null;
}

export interface GiteaPullRow {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly state: string;
  /** Missing before Gitea 1.19: there, only the title says it. */
  readonly draft?: boolean;
  readonly user: GiteaUserRow | null;
  readonly head: GiteaBranchEnd;
  readonly base: GiteaBranchEnd;
  readonly merged: boolean;
  readonly merge_commit_sha: string | null;
  readonly mergeable: boolean;
  readonly allow_maintainer_edit?: boolean;
  readonly labels: readonly { readonly name: string }[] | null;
  readonly requested_reviewers?: readonly GiteaUserRow[] | null;
  readonly assignees?: readonly GiteaUserRow[] | null;
  readonly html_url: string;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface GiteaIssueRow {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly state: string;
  readonly user: GiteaUserRow | null;
  readonly labels: readonly { readonly name: string }[] | null;
  readonly html_url: string;
  readonly updated_at: string;
  readonly pull_request?: unknown;
}

export interface GiteaCommentRow {
  readonly id: number;
  readonly body: string;
  readonly user: GiteaUserRow | null;
  readonly created_at: string;
  readonly updated_at?: string;
  readonly html_url: string;
  /** In lists of all comments: the page of what it is about. */
  readonly issue_url?: string;
  readonly pull_request_url?: string;
  /** Of comments on lines. `position` is the line of the new file. */
  readonly path?: string;
  readonly position?: number;
  readonly commit_id?: string;
}

export interface GiteaReviewRow {
  readonly id: number;
  readonly comments_count: number;
}

export interface GiteaStatusRow {
  readonly id: number;
  readonly context: string;
  /** In answers; the webhook calls it `state`. */
  readonly status?: string;
  readonly state?: string;
  readonly target_url: string;
}

export interface GiteaBranchRow {
  readonly name: string;
  readonly commit: { readonly id: string };
  readonly protected: boolean;
}

export interface GiteaLabelRow {
  readonly id: number;
  readonly name: string;
}

/** The user of deleted accounts. */
const ghost = "Ghost";
/** Gitea keeps a draft as a prefix of its title. */
const draftPrefix = /^(?:wip:|\[wip\])\s*/i;

export function draftTitle(title: string): string {
  return `WIP: ${title}`;
}

export function repositoryOf(row: GiteaRepositoryRow): ForgeRepository {
  return {
    ...{ id: String(row.id), fullName: row.full_name, defaultBranch: row.default_branch },
    ...{ cloneUrl: row.clone_url, webUrl: row.html_url, isPrivate: row.private, isArchived: row.archived },
  };
}

export function branchOf({ name, commit, protected: isProtected }: GiteaBranchRow): ForgeBranch {
  return { name, commit: commit.id, isProtected };
}

export function pullRequestOf(row: GiteaPullRow): PullRequest {
  return {
    ...{ number: row.number, title: row.title.replace(draftPrefix, ""), body: row.body },
    state: row.merged ? "merged" : row.state === "open" ? "open" : "closed",
    isDraft: row.draft ?? draftPrefix.test(row.title),
    author: row.user?.login ?? ghost,
    ...{ headBranch: row.head.label, headCommit: row.head.sha, baseBranch: row.base.label },
    headRepository: row.head.repo?.full_name,
    mergeCommit: row.merged ? (row.merge_commit_sha ?? undefined) : undefined,
    isMergeable: row.state === "open" ? row.mergeable : undefined,
    labels: (row.labels ?? []).map(({ name }) => name),
    reviewers: (row.requested_reviewers ?? []).map(({ login }) => login),
    assignees: (row.assignees ?? []).map(({ login }) => login),
    webUrl: row.html_url,
    ...{ createdAt: Date.parse(row.created_at), updatedAt: Date.parse(row.updated_at) },
  };
}

export function issueOf(row: GiteaIssueRow): Issue {
  return {
    ...{ number: row.number, title: row.title, body: row.body, author: row.user?.login ?? ghost },
    state: row.state === "open" ? "open" : "closed",
    labels: (row.labels ?? []).map(({ name }) => name),
    ...{ webUrl: row.html_url, updatedAt: Date.parse(row.updated_at) },
  };
}

export function commentOf(row: GiteaCommentRow): Comment {
  const { path, position, commit_id: commit } = row;
  return {
    ...{ id: String(row.id), body: row.body, author: row.user?.login ?? ghost },
    ...{ createdAt: Date.parse(row.created_at), webUrl: row.html_url },
    ...editedAt(row.created_at, row.updated_at),
    ...(path === undefined ? {} : { path }),
    // 0 is a comment on a line that was removed.
    ...(position === undefined || position === 0 ? {} : { line: position }),
    ...(commit === undefined ? {} : { commit }),
  };
}

/** A comment of a list of all of them; none if it does not say what it is about. */
export function itemCommentOf(row: GiteaCommentRow): readonly ItemComment[] {
  const page = [row.pull_request_url, row.issue_url].find((url) => url !== undefined && url !== "");
  const number = Number(/\/(\d+)$/.exec(page ?? "")?.[1] ?? Number.NaN);
  return Number.isNaN(number) ? [] : [{ number, comment: commentOf(row) }];
}

export function checkOf(row: GiteaStatusRow): Check {
  const webUrl = row.target_url === "" ? undefined : row.target_url;
  return { id: String(row.id), name: row.context, status: statusOf(row.status ?? row.state), webUrl };
}

function statusOf(status: string | undefined): Check["status"] {
  switch (status) {
    case "success":
    case "skipped":
      return status;
    case "warning":
      return "success";
    case "pending":
      return "running";
    default:
      return "failure";
  }
}
