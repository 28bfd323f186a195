import type {
  ForgeUser,
  HostedCheck,
  HostedComment,
  HostedIssue,
  HostedPullRequest,
  HostedRepository,
} from "../forge-server/repository.ts";

const time = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
const timeOrNull = (at: number | null) => (at === null ? null : time(at));

export function userShape({ id, login }: ForgeUser) {
  return { id, login, username: login, email: `${login}@example.com` };
}

export function repositoryShape(url: string, { id, fullName, pullRequests }: HostedRepository) {
  const [owner = "", name = ""] = fullName.split("/");
  return {
    ...{ id, name, full_name: fullName, private: true, archived: false, default_branch: "main" },
    owner: userShape({ id: 1, login: owner }),
    html_url: `${url}/${fullName}`,
    clone_url: `${url}/${fullName}.git`,
    open_pr_counter: pullRequests.size,
  };
}

/** Title as Gitea shows it: a draft is a prefix. */
export function shownTitle({ title, draft }: HostedPullRequest): string {
  return draft ? `WIP: ${title}` : title;
}

export function pullShape(
  url: string,
  repository: HostedRepository,
  pull: HostedPullRequest,
  mergeable = false,
) {
  const repo = repositoryShape(url, repository);
  const { branches } = repository.bare;
  const end = (label: string, sha: string, ref = label) => ({ label, ref, sha, repo_id: repo.id, repo });
  const { headRepository: fork } = pull;
  const headRef = branches.has(pull.head) ? pull.head : `refs/pull/${pull.number}/head`;
  return {
    ...{ id: pull.id, number: pull.number, title: shownTitle(pull), body: pull.body, draft: pull.draft },
    ...{ state: pull.state, user: userShape(pull.author), mergeable },
    html_url: `${url}/${repository.fullName}/pulls/${pull.number}`,
    head:
      fork === undefined
        ? end(pull.head, pull.headCommit, headRef)
        : { ...end(pull.head, pull.headCommit), repo: repositoryShape(url, fork), repo_id: fork.id },
    allow_maintainer_edit: pull.maintainersMayEdit,
    base: end(pull.base, branches.get(pull.base) ?? ""),
    labels: pull.labels.map((name) => ({ name })),
    requested_reviewers: pull.reviewers.map((login) => ({ login })),
    assignees: pull.assignees.map((login) => ({ login })),
    merged: pull.mergedAt !== null,
    merge_commit_sha: pull.mergeCommit,
    created_at: time(pull.createdAt),
    updated_at: time(pull.updatedAt),
    closed_at: timeOrNull(pull.closedAt),
    merged_at: timeOrNull(pull.mergedAt),
  };
}

export function issueShape(url: string, { fullName }: HostedRepository, issue: HostedIssue) {
  return {
    ...{ id: issue.id, number: issue.number, title: issue.title, body: issue.body, state: issue.state },
    html_url: `${url}/${fullName}/issues/${issue.number}`,
    user: userShape(issue.author),
    labels: issue.labels.map((name) => ({ name })),
    pull_request: null,
    created_at: time(issue.createdAt),
    updated_at: time(issue.updatedAt),
  };
}

/** Comment below a pull request, or on a line of it: then `position` is the line of the new file. */
export function commentShape(url: string, { fullName }: HostedRepository, comment: HostedComment) {
  const { id, body, author, path, line, commit } = comment;
  return {
    ...{ id, body, user: userShape(author) },
    created_at: time(comment.createdAt),
    updated_at: time(comment.editedAt ?? comment.createdAt),
    issue_url: `${url}/${fullName}/issues/${comment.number}`,
    html_url: `${url}/${fullName}/pulls/${comment.number}#issuecomment-${id}`,
    ...(path === undefined
      ? {}
      : { path, position: line ?? 0, original_position: 0, commit_id: commit, pull_request_review_id: id }),
  };
}

export function statusShape({ id, name, conclusion, webUrl, startedAt }: HostedCheck) {
  const at = time(startedAt);
  const state = conclusion === null ? "pending" : conclusion === "success" ? "success" : "failure";
  return { id, context: name, target_url: webUrl ?? "", description: "", state, created_at: at };
}
