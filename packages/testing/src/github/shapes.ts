import type { components } from "@octokit/openapi-types";
import type {
  ForgeUser,
  HostedCheck,
  HostedComment,
  HostedIssue,
  HostedPullRequest,
  HostedRepository,
} from "../forge-server/repository.ts";

type Schemas = components["schemas"];

const time = (at: number) => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
const timeOrNull = (at: number | null) => (at === null ? null : time(at));

export function userShape({ id, login }: ForgeUser) {
  const type = login.endsWith("[bot]") ? "Bot" : "User";
  return { id, login, type } satisfies Partial<Schemas["simple-user"]>;
}

export function repositoryShape(url: string, { id, fullName }: HostedRepository) {
  const [owner = "", name = ""] = fullName.split("/");
  return {
    ...{ id, name, full_name: fullName, private: true, archived: false, default_branch: "main" },
    owner: { login: owner, id: 1, type: "Organization" },
    html_url: `${url}/${fullName}`,
    clone_url: `${url}/${fullName}.git`,
  } satisfies Partial<Omit<Schemas["repository"], "owner">> & { owner: Partial<Schemas["simple-user"]> };
}

/** Id of a pull request in GraphQL. */
export function nodeIdOf({ id }: Pick<HostedPullRequest, "id">): string {
  return `PR_${id}`;
}

/** `mergeable` is in the answer for one pull request, not in lists. */
export function pullShape(
  url: string,
  repository: HostedRepository,
  pull: HostedPullRequest,
  mergeable?: boolean,
) {
  const [owner = ""] = repository.fullName.split("/");
  const repo = repositoryShape(url, repository);
  const baseCommit = repository.bare.branches.get(pull.base) ?? pull.headCommit;
  const end = (ref: string, sha: string) => ({ ref, sha, label: `${owner}:${ref}`, repo });
  const { headRepository: fork } = pull;
  const head = end(pull.head, pull.headCommit);
  return {
    ...{ id: pull.id, node_id: nodeIdOf(pull), number: pull.number, title: pull.title },
    ...{ maintainer_can_modify: pull.maintainersMayEdit, body: pull.body === "" ? null : pull.body },
    ...{ state: pull.state, draft: pull.draft, user: userShape(pull.author) },
    html_url: `${url}/${repository.fullName}/pull/${pull.number}`,
    head: fork === undefined ? head : { ...head, repo: repositoryShape(url, fork) },
    base: end(pull.base, baseCommit),
    labels: pull.labels.map((name) => ({ name })),
    requested_reviewers: pull.reviewers.map((login) => ({ login })),
    requested_teams: (pull.reviewTeams ?? []).map((slug) => ({ slug })),
    assignees: pull.assignees.map((login) => ({ login })),
    merge_commit_sha: pull.mergeCommit,
    created_at: time(pull.createdAt),
    updated_at: time(pull.updatedAt),
    closed_at: timeOrNull(pull.closedAt),
    merged_at: timeOrNull(pull.mergedAt),
    ...(mergeable === undefined ? {} : { mergeable, merged: pull.mergedAt !== null }),
  };
}

export function issueShape(url: string, { fullName }: HostedRepository, issue: HostedIssue) {
  return {
    ...{ id: issue.id, number: issue.number, title: issue.title, body: issue.body, state: issue.state },
    html_url: `${url}/${fullName}/issues/${issue.number}`,
    user: userShape(issue.author),
    labels: issue.labels.map((name) => ({ name })),
    created_at: time(issue.createdAt),
    updated_at: time(issue.updatedAt),
  };
}

export function commentShape(url: string, { fullName }: HostedRepository, comment: HostedComment) {
  const { id, body, author, path, line, commit, replyTo } = comment;
  return {
    ...{ id, body, user: userShape(author) },
    created_at: time(comment.createdAt),
    updated_at: time(comment.editedAt ?? comment.createdAt),
    ...(path === undefined
      ? { issue_url: `${url}/api/v3/repos/${fullName}/issues/${comment.number}` }
      : { pull_request_url: `${url}/api/v3/repos/${fullName}/pulls/${comment.number}` }),
    html_url: `${url}/${fullName}/issues/${comment.number}#comment-${id}`,
    ...(path === undefined ? {} : { path, line: line ?? null, commit_id: commit, side: "RIGHT" }),
    ...(replyTo === undefined ? {} : { in_reply_to_id: replyTo }),
  };
}

export function checkShape(url: string, { fullName }: HostedRepository, check: HostedCheck) {
  return {
    ...{ id: check.id, name: check.name, head_sha: check.commit, conclusion: check.conclusion },
    status: check.conclusion === null ? "in_progress" : "completed",
    html_url: `${url}/${fullName}/runs/${check.id}`,
    started_at: time(check.startedAt),
    completed_at: check.conclusion === null ? null : time(check.startedAt),
  };
}

/** The older form of a check, set by anything with a token. */
export function statusShape({ id, name, conclusion, webUrl, startedAt }: HostedCheck) {
  const state = conclusion === null ? "pending" : conclusion === "success" ? "success" : "failure";
  const at = time(startedAt);
  return { id, context: name, state, target_url: webUrl, created_at: at, updated_at: at };
}
