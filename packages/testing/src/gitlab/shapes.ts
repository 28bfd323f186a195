import type {
  ForgeUser,
  HostedCheck,
  HostedComment,
  HostedIssue,
  HostedPullRequest,
  HostedRepository,
} from "../forge-server/repository.ts";

export const time = (at: number) => new Date(at).toISOString();

export function userShape({ id, login }: ForgeUser) {
  return { id, username: login, name: login, state: "active" };
}

export function projectShape(url: string, { id, fullName }: HostedRepository) {
  return {
    ...{ id, path_with_namespace: fullName, default_branch: "main", visibility: "private", archived: false },
    http_url_to_repo: `${url}/${fullName}.git`,
    web_url: `${url}/${fullName}`,
  };
}

/** Title as GitLab shows it: a draft is a prefix. */
export function shownTitle({ title, draft }: HostedPullRequest): string {
  return draft ? `Draft: ${title}` : title;
}

export function stateOf({ state, mergedAt }: HostedPullRequest): string {
  if (mergedAt !== null) return "merged";
  return state === "open" ? "opened" : "closed";
}

/** People have ids, which the emulator of users knows. `isMergeable` is undefined in lists. */
export function mergeRequestShape(
  url: string,
  repository: HostedRepository,
  pull: HostedPullRequest,
  { reviewers, assignees }: Readonly<Record<"reviewers" | "assignees", readonly ForgeUser[]>>,
  isMergeable?: boolean,
) {
  const { fullName, id } = repository;
  const isSquash = pull.mergeMethod === "squash";
  return {
    ...{ id: pull.id, iid: pull.number, title: shownTitle(pull), description: pull.body },
    ...{ state: stateOf(pull), draft: pull.draft, author: userShape(pull.author) },
    ...{ source_branch: pull.head, target_branch: pull.base, sha: pull.headCommit },
    ...{ source_project_id: pull.headRepository?.id ?? id, target_project_id: id, project_id: id },
    allow_collaboration: pull.maintainersMayEdit,
    assignees: assignees.map(userShape),
    merge_commit_sha: isSquash ? null : pull.mergeCommit,
    squash_commit_sha: isSquash ? pull.mergeCommit : null,
    has_conflicts: isMergeable === false,
    detailed_merge_status: isMergeable === undefined ? "unchecked" : isMergeable ? "mergeable" : "conflict",
    labels: pull.labels,
    reviewers: reviewers.map(userShape),
    web_url: `${url}/${fullName}/-/merge_requests/${pull.number}`,
    created_at: time(pull.createdAt),
    updated_at: time(pull.updatedAt),
  };
}

export function issueShape(url: string, { fullName }: HostedRepository, issue: HostedIssue) {
  return {
    ...{ id: issue.id, iid: issue.number, title: issue.title, description: issue.body },
    ...{ state: issue.state === "open" ? "opened" : "closed", author: userShape(issue.author) },
    labels: issue.labels,
    web_url: `${url}/${fullName}/-/issues/${issue.number}`,
    updated_at: time(issue.updatedAt),
  };
}

export function positionShape({ path, line, commit }: HostedComment) {
  return path === undefined ? null : { new_path: path, new_line: line ?? null, head_sha: commit ?? "" };
}

export function noteShape(comment: HostedComment) {
  return {
    ...{ id: comment.id, body: comment.body, author: userShape(comment.author), system: false },
    created_at: time(comment.createdAt),
    updated_at: time(comment.editedAt ?? comment.createdAt),
    type: comment.path === undefined ? null : "DiffNote",
    position: positionShape(comment),
  };
}

export function statusName({ conclusion }: HostedCheck): string {
  if (conclusion === null) return "running";
  if (conclusion === "success" || conclusion === "skipped") return conclusion;
  return conclusion === "cancelled" ? "canceled" : "failed";
}

export function statusShape(check: HostedCheck) {
  const { id, name, commit, webUrl } = check;
  return { id, name, sha: commit, status: statusName(check), target_url: webUrl };
}
