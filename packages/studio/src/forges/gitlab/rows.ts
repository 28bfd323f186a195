import type { Check, Comment, ForgeBranch, ForgeRepository, Issue, PullRequest } from "../forge.ts";
import { editedAt } from "../http/edited-at.ts";

/** Fields of the answers of GitLab's API v4 that are read. */
export interface GitLabProjectRow {
  readonly id: number;
  readonly path_with_namespace: string;
  /** Null in an empty repository. */
  readonly default_branch: string | null;
  readonly http_url_to_repo: string;
  readonly web_url: string;
  readonly visibility: string;
  readonly archived: boolean;
}

export interface GitLabUserRow {
  readonly id: number;
  readonly username: string;
}

export interface GitLabReviewerRow {
  readonly user: GitLabUserRow;
  readonly state?: string;
}

/** GitLab keeps reviewers in the list when they have reviewed, with another state. */
export function isWaiting({ state = "unreviewed" }: { readonly state?: string }): boolean {
  return state === "unreviewed" || state === "review_started";
}

export interface GitLabMergeRequestRow {
  readonly iid: number;
  readonly title: string;
  readonly description: string | null;
  /** `locked` is a merge that runs. */
  readonly state: "opened" | "closed" | "merged" | "locked";
  readonly draft: boolean;
  readonly author: GitLabUserRow | null;
  readonly source_branch: string;
  readonly target_branch: string;
  readonly source_project_id: number | null;
  readonly target_project_id: number;
  readonly sha: string;
  readonly merge_commit_sha: string | null;
  readonly squash_commit_sha: string | null;
  readonly has_conflicts?: boolean;
  readonly allow_collaboration?: boolean;
  readonly detailed_merge_status?: string;
  readonly labels: readonly string[];
  readonly reviewers?: readonly GitLabUserRow[] | null;
  readonly assignees?: readonly GitLabUserRow[] | null;
  readonly web_url: string;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface GitLabIssueRow {
  readonly iid: number;
  readonly title: string;
  readonly description: string | null;
  readonly state: string;
  readonly author: GitLabUserRow | null;
  readonly labels: readonly string[];
  readonly web_url: string;
  readonly updated_at: string;
}

export interface GitLabNoteRow {
  readonly id: number;
  readonly body: string;
  readonly author: GitLabUserRow | null;
  readonly created_at: string;
  readonly updated_at?: string;
  /** In the list of events: what it is about. */
  readonly noteable_type?: string;
  readonly noteable_iid?: number | null;
  /** Written by GitLab itself: "changed the title". */
  readonly system: boolean;
  readonly type: string | null;
  readonly position?: GitLabPosition | null;
}

export interface GitLabPosition {
  readonly new_path: string;
  readonly new_line: number | null;
  readonly head_sha: string;
}

export interface GitLabStatusRow {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly target_url: string | null;
}

export interface GitLabBranchRow {
  readonly name: string;
  readonly commit: { readonly id: string };
  readonly protected: boolean;
}

/** The user of deleted accounts. */
const ghost = "ghost";
/** GitLab keeps a draft as a prefix of its title. */
const draftPrefix = /^(?:draft:|\[draft\]|\(draft\))\s*/i;

export function draftTitle(title: string): string {
  return `Draft: ${title}`;
}

export function shownTitle(title: string): string {
  return title.replace(draftPrefix, "");
}

export function repositoryOf(row: GitLabProjectRow): ForgeRepository {
  return {
    ...{ id: String(row.id), fullName: row.path_with_namespace, defaultBranch: row.default_branch ?? "main" },
    ...{ cloneUrl: row.http_url_to_repo, webUrl: row.web_url },
    ...{ isPrivate: row.visibility !== "public", isArchived: row.archived },
  };
}

export function branchOf({ name, commit, protected: isProtected }: GitLabBranchRow): ForgeBranch {
  return { name, commit: commit.id, isProtected };
}

export function pullRequestOf(row: GitLabMergeRequestRow, fullName: string): PullRequest {
  const isFork = row.source_project_id !== row.target_project_id;
  return {
    ...{ number: row.iid, title: shownTitle(row.title), body: row.description ?? "", isDraft: row.draft },
    state: pullStateOf(row.state),
    author: row.author?.username ?? ghost,
    ...{ headBranch: row.source_branch, headCommit: row.sha, baseBranch: row.target_branch },
    headRepository: isFork ? undefined : fullName,
    mergeCommit: row.merge_commit_sha ?? row.squash_commit_sha ?? undefined,
    isMergeable: isMergeableOf(row),
    labels: row.labels,
    reviewers: (row.reviewers ?? []).map(({ username }) => username),
    assignees: (row.assignees ?? []).map(({ username }) => username),
    webUrl: row.web_url,
    ...{ createdAt: Date.parse(row.created_at), updatedAt: Date.parse(row.updated_at) },
  };
}

export function pullStateOf(state: string): PullRequest["state"] {
  if (state === "merged") return "merged";
  return state === "closed" ? "closed" : "open";
}

function isMergeableOf(row: GitLabMergeRequestRow): boolean | undefined {
  if (row.has_conflicts === true || row.detailed_merge_status === "conflict") return false;
  return row.detailed_merge_status === "mergeable" ? true : undefined;
}

export function issueOf(row: GitLabIssueRow): Issue {
  return {
    ...{ number: row.iid, title: row.title, body: row.description ?? "" },
    author: row.author?.username ?? ghost,
    state: row.state === "opened" ? "open" : "closed",
    labels: row.labels,
    ...{ webUrl: row.web_url, updatedAt: Date.parse(row.updated_at) },
  };
}

/** `pullUrl` is the page of the merge request: notes have no address of their own. */
export function commentOf(row: GitLabNoteRow, pullUrl: string): Comment {
  const { position } = row;
  return {
    ...{ id: String(row.id), body: row.body, author: row.author?.username ?? ghost },
    ...{ createdAt: Date.parse(row.created_at), webUrl: `${pullUrl}#note_${row.id}` },
    ...editedAt(row.created_at, row.updated_at),
    ...(position === undefined || position === null
      ? {}
      : {
          path: position.new_path,
          ...(position.new_line === null ? {} : { line: position.new_line }),
          commit: position.head_sha,
        }),
  };
}

export function checkOf({ id, name, status, target_url }: GitLabStatusRow): Check {
  return { id: String(id), name, status: checkStatusOf(status), webUrl: target_url ?? undefined };
}

export function checkStatusOf(status: string): Check["status"] {
  switch (status) {
    case "success":
      return "success";
    case "failed":
      return "failure";
    case "canceled":
    case "canceling":
      return "cancelled";
    case "skipped":
    case "manual":
      return "skipped";
    default:
      return "running";
  }
}
