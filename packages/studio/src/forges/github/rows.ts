/** The fields of GitHub's answers that are read. The emulator of the tests answers with GitHub's own types. */
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

export interface GitHubRepositoryRow {
  readonly id: number;
  readonly full_name: string;
  readonly default_branch: string;
  readonly clone_url: string;
  readonly html_url: string;
  readonly private: boolean;
  readonly archived: boolean;
}

export interface GitHubPullRow {
  /** Its id in GraphQL. */
  readonly node_id?: string;
  readonly number: number;
  readonly title: string;
  readonly body: string | null;
  readonly state: string;
  readonly draft?: boolean;
  readonly html_url: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly merged_at: string | null;
  readonly merge_commit_sha: string | null;
  readonly user: { readonly login: string } | null;
  readonly head: {
    readonly ref: string;
    readonly sha: string;
    readonly repo: { readonly full_name: string; readonly clone_url?: string } | null;
  };
  readonly base: { readonly ref: string };
  readonly labels: readonly { readonly name?: string }[];
  readonly requested_reviewers?: readonly { readonly login: string }[] | null;
  readonly requested_teams?: readonly { readonly slug: string }[] | null;
  readonly assignees?: readonly { readonly login: string }[] | null;
  readonly mergeable?: boolean | null;
  readonly maintainer_can_modify?: boolean;
}

export interface GitHubCommentRow {
  readonly id: number;
  readonly body?: string;
  readonly user: { readonly login: string } | null;
  readonly created_at: string;
  readonly updated_at?: string;
  readonly html_url: string;
  /** In lists of all comments: the address of what it is about. */
  readonly issue_url?: string;
  readonly pull_request_url?: string;
  readonly path?: string;
  readonly line?: number | null;
  readonly commit_id?: string;
  readonly in_reply_to_id?: number;
}

export interface GitHubIssueRow {
  readonly number: number;
  readonly title: string;
  readonly html_url: string;
  readonly updated_at: string;
  readonly labels: readonly (string | { readonly name?: string })[];
  readonly state: string;
  readonly body?: string | null;
  readonly user: { readonly login: string } | null;
  readonly pull_request?: unknown;
}

export interface GitHubCheckRow {
  readonly id: number;
  readonly name: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly html_url: string | null;
}

/** A commit status: the older form of a check. */
export interface GitHubStatusRow {
  readonly id: number;
  readonly context: string;
  readonly state: string;
  readonly target_url: string | null;
}

export interface GitHubBranchRow {
  readonly name: string;
  readonly commit: { readonly sha: string };
  readonly protected: boolean;
}

/** The user of deleted accounts. */
const ghost = "ghost";

export function repositoryOf(row: GitHubRepositoryRow): ForgeRepository {
  return {
    ...{ id: String(row.id), fullName: row.full_name, defaultBranch: row.default_branch },
    ...{ cloneUrl: row.clone_url, webUrl: row.html_url, isPrivate: row.private, isArchived: row.archived },
  };
}

export function pullRequestOf(row: GitHubPullRow): PullRequest {
  const isMerged = row.merged_at !== null;
  return {
    ...{ number: row.number, title: row.title, body: row.body ?? "", isDraft: row.draft ?? false },
    state: isMerged ? "merged" : row.state === "open" ? "open" : "closed",
    author: row.user?.login ?? ghost,
    ...{ headBranch: row.head.ref, headCommit: row.head.sha, baseBranch: row.base.ref },
    headRepository: row.head.repo?.full_name,
    // Of an open pull request, this is the commit of a trial merge.
    mergeCommit: isMerged ? (row.merge_commit_sha ?? undefined) : undefined,
    isMergeable: row.mergeable ?? undefined,
    labels: row.labels.flatMap(({ name }) => (name === undefined ? [] : [name])),
    reviewers: (row.requested_reviewers ?? []).map(({ login }) => login),
    ...teamsOf(row),
    assignees: (row.assignees ?? []).map(({ login }) => login),
    webUrl: row.html_url,
    ...{ createdAt: Date.parse(row.created_at), updatedAt: Date.parse(row.updated_at) },
  };
}

/** Teams of a pull request are those of the owner of its repository. */
function teamsOf({ requested_teams: teams, html_url }: GitHubPullRow): Pick<PullRequest, "reviewTeams"> {
  if (teams === undefined || teams === null || teams.length === 0) return {};
  const owner = /^https?:\/\/[^/]+\/([^/]+)\//.exec(html_url)?.[1] ?? "";
  return { reviewTeams: teams.map(({ slug }) => `${owner}/${slug}`) };
}

export function issueOf(row: GitHubIssueRow): Issue {
  return {
    ...{ number: row.number, title: row.title, body: row.body ?? "", author: row.user?.login ?? ghost },
    state: row.state === "open" ? "open" : "closed",
    labels: row.labels.map((label) => (typeof label === "string" ? label : (label.name ?? ""))),
    ...{ webUrl: row.html_url, updatedAt: Date.parse(row.updated_at) },
  };
}

export function commentOf(row: GitHubCommentRow): Comment {
  return {
    ...{ id: String(row.id), body: row.body ?? "", author: row.user?.login ?? ghost },
    ...{ createdAt: Date.parse(row.created_at), webUrl: row.html_url },
    ...editedAt(row.created_at, row.updated_at),
    ...(row.path === undefined ? {} : { path: row.path }),
    ...(row.line === undefined || row.line === null ? {} : { line: row.line }),
    ...(row.commit_id === undefined ? {} : { commit: row.commit_id }),
    ...(row.in_reply_to_id === undefined ? {} : { replyTo: String(row.in_reply_to_id) }),
  };
}

/** A comment of a list of all of them; none if it does not say what it is about. */
export function itemCommentOf(row: GitHubCommentRow): readonly ItemComment[] {
  const number = Number(/\/(\d+)$/.exec(row.issue_url ?? row.pull_request_url ?? "")?.[1] ?? Number.NaN);
  return Number.isNaN(number) ? [] : [{ number, comment: commentOf(row) }];
}

export function checkOf(row: GitHubCheckRow): Check {
  return {
    ...{ id: String(row.id), name: row.name, webUrl: row.html_url ?? undefined },
    status: row.status === "completed" ? conclusionOf(row.conclusion) : "running",
  };
}

export function statusOf({ id, context, state, target_url }: GitHubStatusRow): Check {
  const status = state === "pending" ? "running" : state === "success" ? "success" : "failure";
  return { id: `status-${id}`, name: context, status, webUrl: target_url ?? undefined };
}

export function branchOf({ name, commit, protected: isProtected }: GitHubBranchRow): ForgeBranch {
  return { name, commit: commit.sha, isProtected };
}

function conclusionOf(conclusion: GitHubCheckRow["conclusion"]): Check["status"] {
  switch (conclusion) {
    case "success":
      return "success";
    case "neutral":
    case "skipped":
      return "skipped";
    case "cancelled":
      return "cancelled";
    default:
      return "failure";
  }
}
