/** Client of GitHub and GitHub Enterprise Server, as the installation of an App or with a personal token. */
import { HoldfastError, isErrorCode } from "@holdfast/core";
import type {
  Check,
  Comment,
  ConditionalPage,
  Forge,
  ForgeBranch,
  ForgeIdentity,
  ForgePage,
  ForgeRepository,
  GitCredential,
  Issue,
  ItemComment,
  MergeRequest,
  NewPullRequest,
  NewReviewComment,
  NewStatus,
  PageRequest,
  PullRequest,
  PullRequestChange,
  PullRequestHead,
  WebhookTarget,
} from "../forge.ts";
import { ForgeHttp, type ForgeHttpOptions, type ForgeRequest, nextPageOf } from "../http/forge-http.ts";
import { explainMergeRefusal } from "../http/merge-refusal.ts";
import { participantsOf } from "../http/participants.ts";
import { isFromBranch } from "../http/pull-request-branch.ts";
import { headOf } from "../http/pull-request-head.ts";
import { repositoryPath } from "../http/repository-path.ts";
import { requireIssue } from "../http/require-issue.ts";
import { mayPush } from "../writers.ts";
import { type GitHubCredential, GitHubTokens } from "./credential.ts";
import * as rows from "./rows.ts";

export interface GitHubOptions extends Pick<ForgeHttpOptions, "now" | "wait" | "timeoutMs"> {
  /** `https://api.github.com`, or `https://HOST/api/v3` of an Enterprise Server. */
  readonly apiUrl: string;
  readonly credential: GitHubCredential;
}

type Call = Omit<ForgeRequest, "token">;

const pageSize = 100;

/** Everything that a task follows about its pull request; GitHub sends nothing else. */
const webhookEvents = [
  "push",
  "pull_request",
  "pull_request_review",
  "issues",
  "issue_comment",
  "pull_request_review_comment",
  "check_run",
  "status",
];

export class GitHubForge implements Forge {
  readonly kind = "github";
  readonly #http: ForgeHttp;
  readonly #graphql: ForgeHttp;
  readonly #tokens: GitHubTokens;

  constructor(options: GitHubOptions) {
    const headers = { accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28" };
    this.#http = new ForgeHttp({ ...options, headers });
    // Beside the API of REST at an Enterprise Server, below it at github.com.
    const apiUrl = options.apiUrl.replace(/\/v3$/, "");
    this.#graphql = new ForgeHttp({ ...options, apiUrl, headers });
    this.#tokens = new GitHubTokens(this.#http, options.credential, options.now ?? Date.now);
  }

  async identify(signal?: AbortSignal): Promise<ForgeIdentity> {
    if (!this.#tokens.isApp) {
      const { login } = await this.#get<{ login: string }>("/user", signal);
      return { kind: "user", login };
    }
    // A token of the installation proves that the App is still installed.
    await this.#tokens.current();
    const call = { method: "GET", path: "/app", token: this.#tokens.appToken(), signal } as const;
    const { slug } = (await this.#http.request(call)).body as { slug: string };
    return { kind: "app", login: slug };
  }

  async repositories(page = 1, signal?: AbortSignal): Promise<ForgePage<ForgeRepository>> {
    const base = this.#tokens.isApp ? "/installation/repositories" : "/user/repos";
    const path = `${base}?per_page=${pageSize}&page=${page}`;
    const { body, headers } = await this.#send({ method: "GET", path, signal });
    const list = (
      this.#tokens.isApp ? (body as { repositories: unknown }).repositories : body
    ) as rows.GitHubRepositoryRow[];
    return { items: list.map(rows.repositoryOf), nextPage: nextPageOf(headers) };
  }

  async repository(fullName: string, signal?: AbortSignal): Promise<ForgeRepository> {
    return rows.repositoryOf(await this.#get<rows.GitHubRepositoryRow>(pathOf(fullName), signal));
  }

  branches(
    fullName: string,
    { page = 1, etag }: PageRequest,
    signal?: AbortSignal,
  ): Promise<ConditionalPage<ForgeBranch>> {
    const path = `${pathOf(fullName)}/branches?per_page=${pageSize}&page=${page}`;
    return this.#page(path, etag, rows.branchOf, signal);
  }

  pullRequests(
    fullName: string,
    { page = 1, etag }: PageRequest,
    signal?: AbortSignal,
  ): Promise<ConditionalPage<PullRequest>> {
    const query = `state=all&sort=created&direction=asc&per_page=${pageSize}&page=${page}`;
    return this.#page(`${pathOf(fullName)}/pulls?${query}`, etag, rows.pullRequestOf, signal);
  }

  async pullRequest(fullName: string, number: number, signal?: AbortSignal): Promise<PullRequest> {
    const path = `${pathOf(fullName)}/pulls/${number}`;
    return rows.pullRequestOf(await this.#get<rows.GitHubPullRow>(path, signal));
  }

  async pullRequestHead(fullName: string, number: number, signal?: AbortSignal): Promise<PullRequestHead> {
    const row = await this.#get<rows.GitHubPullRow>(`${pathOf(fullName)}/pulls/${number}`, signal);
    return headOf(fullName, number, row.head.ref, row.head.repo, row.maintainer_can_modify);
  }

  async openPullRequestOf(
    fullName: string,
    headBranch: string,
    signal?: AbortSignal,
  ): Promise<PullRequest | undefined> {
    const [owner = ""] = fullName.split("/");
    const query = new URLSearchParams({ state: "open", head: `${owner}:${headBranch}`, per_page: "100" });
    const list = await this.#get<rows.GitHubPullRow[]>(`${pathOf(fullName)}/pulls?${query}`, signal);
    return list.map(rows.pullRequestOf).find((pull) => isFromBranch(pull, fullName, headBranch));
  }

  async createPullRequest(
    fullName: string,
    given: NewPullRequest,
    signal?: AbortSignal,
  ): Promise<PullRequest> {
    const { title, body, headBranch: head, baseBranch: base, isDraft: draft = false } = given;
    const path = `${pathOf(fullName)}/pulls`;
    const call = { method: "POST", path, body: { title, body, head, base, draft }, signal } as const;
    const created = rows.pullRequestOf((await this.#send(call)).body as rows.GitHubPullRow);
    const change = participantsOf(given);
    if (Object.keys(change).length === 0) return created;
    return this.updatePullRequest(fullName, created.number, change, signal);
  }

  async updatePullRequest(
    fullName: string,
    number: number,
    { labels, reviewers, assignees, baseBranch, isDraft, ...fields }: PullRequestChange,
    signal?: AbortSignal,
  ): Promise<PullRequest> {
    const base = pathOf(fullName);
    if (labels !== undefined) {
      await this.#send({ method: "PUT", path: `${base}/issues/${number}/labels`, body: { labels }, signal });
    }
    if (reviewers !== undefined && reviewers.length > 0) {
      const path = `${base}/pulls/${number}/requested_reviewers`;
      await this.#send({ method: "POST", path, body: { reviewers }, signal });
    }
    if (assignees !== undefined && assignees.length > 0) {
      const path = `${base}/issues/${number}/assignees`;
      await this.#send({ method: "POST", path, body: { assignees }, signal });
    }
    if (isDraft !== undefined) await this.#setDraft(base, number, isDraft, signal);
    const body = { ...fields, ...(baseBranch === undefined ? {} : { base: baseBranch }) };
    if (Object.keys(body).length === 0) return this.pullRequest(fullName, number, signal);
    const { body: row } = await this.#send({
      ...{ method: "PATCH", path: `${base}/pulls/${number}`, body, signal },
    });
    return rows.pullRequestOf(row as rows.GitHubPullRow);
  }

  async people(fullName: string, page = 1, signal?: AbortSignal): Promise<ForgePage<string>> {
    const path = `${pathOf(fullName)}/assignees?per_page=${pageSize}&page=${page}`;
    const { body, headers } = await this.#send({ method: "GET", path, signal });
    return {
      items: (body as { readonly login: string }[]).map(({ login }) => login),
      nextPage: nextPageOf(headers),
    };
  }

  async labels(fullName: string, page = 1, signal?: AbortSignal): Promise<ForgePage<string>> {
    const path = `${pathOf(fullName)}/labels?per_page=${pageSize}&page=${page}`;
    const { body, headers } = await this.#send({ method: "GET", path, signal });
    return {
      items: (body as { readonly name: string }[]).map(({ name }) => name),
      nextPage: nextPageOf(headers),
    };
  }

  async mayWrite(fullName: string, login: string, signal?: AbortSignal): Promise<boolean> {
    const path = `${pathOf(fullName)}/collaborators/${encodeURIComponent(login)}/permission`;
    return mayPush(this.#get<{ readonly permission: string }>(path, signal));
  }

  async mergePullRequest(
    fullName: string,
    number: number,
    merge: MergeRequest,
    signal?: AbortSignal,
  ): Promise<string> {
    const path = `${pathOf(fullName)}/pulls/${number}/merge`;
    const input = { merge_method: merge.method, sha: merge.expectedHead };
    try {
      const { body } = await this.#send({ method: "PUT", path, body: input, signal });
      return (body as { sha: string }).sha;
    } catch (error) {
      throw await explainMergeRefusal(error, merge, () => this.pullRequest(fullName, number, signal));
    }
  }

  /** GitHub has checks of Apps, and statuses of everything else. All statuses are on the first page. */
  async checks(fullName: string, commit: string, page = 1, signal?: AbortSignal): Promise<ForgePage<Check>> {
    const base = `${pathOf(fullName)}/commits/${encodeURIComponent(commit)}`;
    const path = `${base}/check-runs?per_page=${pageSize}&page=${page}`;
    const { body, headers } = await this.#send({ method: "GET", path, signal });
    const checks = (body as { check_runs: rows.GitHubCheckRow[] }).check_runs.map(rows.checkOf);
    if (page > 1) return { items: checks, nextPage: nextPageOf(headers) };
    type Combined = { readonly statuses: readonly rows.GitHubStatusRow[] };
    const { statuses } = await this.#get<Combined>(`${base}/status?per_page=${pageSize}`, signal);
    return { items: [...checks, ...statuses.map(rows.statusOf)], nextPage: nextPageOf(headers) };
  }

  async setStatus(fullName: string, commit: string, given: NewStatus, signal?: AbortSignal): Promise<void> {
    const path = `${pathOf(fullName)}/statuses/${encodeURIComponent(commit)}`;
    const { name: context, status, description = "", webUrl } = given;
    const body = {
      context,
      state: status === "running" ? "pending" : status,
      description: description.slice(0, 140),
      ...(webUrl === undefined ? {} : { target_url: webUrl }),
    };
    await this.#send({ method: "POST", path, body, signal });
  }

  comments(fullName: string, number: number, page = 1, signal?: AbortSignal): Promise<ForgePage<Comment>> {
    return this.#comments(`${pathOf(fullName)}/issues/${number}/comments`, page, signal);
  }

  reviewComments(
    fullName: string,
    number: number,
    page = 1,
    signal?: AbortSignal,
  ): Promise<ForgePage<Comment>> {
    return this.#comments(`${pathOf(fullName)}/pulls/${number}/comments`, page, signal);
  }

  /** GitHub has comments on lines in a list of their own. */
  async recentComments(
    fullName: string,
    since: number,
    page = 1,
    signal?: AbortSignal,
  ): Promise<ForgePage<ItemComment>> {
    const query = `sort=updated&direction=asc&since=${new Date(since).toISOString()}&per_page=${pageSize}&page=${page}`;
    const lists = ["issues", "pulls"].map(async (list) => {
      const path = `${pathOf(fullName)}/${list}/comments?${query}`;
      const { body, headers } = await this.#send({ method: "GET", path, signal });
      return { rows: body as rows.GitHubCommentRow[], nextPage: nextPageOf(headers) };
    });
    const found = await Promise.all(lists);
    return {
      items: found.flatMap((list) => list.rows.flatMap(rows.itemCommentOf)),
      nextPage: found.find(({ nextPage }) => nextPage !== undefined)?.nextPage,
    };
  }

  async teamMembers(team: string, page = 1, signal?: AbortSignal): Promise<ForgePage<string>> {
    const [owner = "", slug = ""] = team.split("/").map(encodeURIComponent);
    const path = `/orgs/${owner}/teams/${slug}/members?per_page=${pageSize}&page=${page}`;
    const { body, headers } = await this.#send({ method: "GET", path, signal });
    const members = body as readonly { readonly login: string }[];
    return { items: members.map(({ login }) => login), nextPage: nextPageOf(headers) };
  }

  async addComment(fullName: string, number: number, body: string, signal?: AbortSignal): Promise<Comment> {
    const path = `${pathOf(fullName)}/issues/${number}/comments`;
    const { body: row } = await this.#send({ method: "POST", path, body: { body }, signal });
    return rows.commentOf(row as rows.GitHubCommentRow);
  }

  /** An issue and a pull request have their numbers and their comments together. */
  addIssueComment(fullName: string, number: number, body: string, signal?: AbortSignal): Promise<Comment> {
    return this.addComment(fullName, number, body, signal);
  }

  async addReviewComment(
    fullName: string,
    number: number,
    { commit, ...given }: NewReviewComment,
    signal?: AbortSignal,
  ): Promise<Comment> {
    const path = `${pathOf(fullName)}/pulls/${number}/comments`;
    const body = { ...given, commit_id: commit, side: "RIGHT" };
    const { body: row } = await this.#send({ method: "POST", path, body, signal });
    return rows.commentOf(row as rows.GitHubCommentRow);
  }

  async issues(fullName: string, page = 1, signal?: AbortSignal): Promise<ForgePage<Issue>> {
    const path = `${pathOf(fullName)}/issues?state=open&direction=asc&per_page=${pageSize}&page=${page}`;
    const { body, headers } = await this.#send({ method: "GET", path, signal });
    // GitHub lists pull requests as issues too.
    const list = (body as rows.GitHubIssueRow[]).filter(({ pull_request }) => pull_request === undefined);
    return { items: list.map(rows.issueOf), nextPage: nextPageOf(headers) };
  }

  async issue(fullName: string, number: number, signal?: AbortSignal): Promise<Issue> {
    const row = await this.#get<rows.GitHubIssueRow>(`${pathOf(fullName)}/issues/${number}`, signal);
    return rows.issueOf(requireIssue(row, number));
  }

  async gitCredential(fullName: string, signal?: AbortSignal): Promise<GitCredential> {
    const { cloneUrl } = await this.repository(fullName, signal);
    const [, name = ""] = fullName.split("/");
    const { token, expiresAt } = await this.#tokens.forRepository(name, signal);
    return {
      ...{ cloneUrl, username: "x-access-token", password: token, expiresAt },
      isForRepositoryOnly: this.#tokens.isApp,
    };
  }

  async ensureWebhook(fullName: string, { url, secret }: WebhookTarget, signal?: AbortSignal): Promise<void> {
    const path = `${pathOf(fullName)}/hooks`;
    type Hook = { readonly id: number; readonly config: { readonly url?: string } };
    const hooks = await this.#get<Hook[]>(`${path}?per_page=${pageSize}`, signal);
    const known = hooks.find(({ config }) => config.url === url);
    const fields = {
      ...{ active: true, events: webhookEvents },
      config: { url, secret, content_type: "json", insecure_ssl: "0" },
    };
    if (known === undefined)
      await this.#send({ method: "POST", path, body: { name: "web", ...fields }, signal });
    else await this.#send({ method: "PATCH", path: `${path}/${known.id}`, body: fields, signal });
  }

  /** REST cannot change it. */
  async #setDraft(base: string, number: number, isDraft: boolean, signal?: AbortSignal): Promise<void> {
    const row = await this.#get<rows.GitHubPullRow>(`${base}/pulls/${number}`, signal);
    if ((row.draft ?? false) === isDraft) return;
    const mutation = isDraft ? "convertPullRequestToDraft" : "markPullRequestReadyForReview";
    const query = `mutation ($id: ID!) { ${mutation}(input: { pullRequestId: $id }) { clientMutationId } }`;
    const body = { query, variables: { id: row.node_id } };
    const token = await this.#tokens.current();
    const answer = await this.#graphql.request({ method: "POST", path: "/graphql", body, token, signal });
    const { errors = [] } = answer.body as { readonly errors?: readonly { readonly message: string }[] };
    const [error] = errors;
    if (error === undefined) return;
    const message = `GitHub did not change the draft #${number}: ${error.message.slice(0, 300)}. Change it at GitHub.`;
    throw new HoldfastError("forge", "refused", message, { statusCode: 409 });
  }

  async #page<Row, Item>(
    path: string,
    etag: string | undefined,
    itemOf: (row: Row) => Item,
    signal?: AbortSignal,
  ): Promise<ConditionalPage<Item>> {
    const { status, headers, body } = await this.#send({ method: "GET", path, etag, signal });
    if (status === 304) return { isModified: false };
    return {
      isModified: true,
      items: (body as Row[]).map(itemOf),
      nextPage: nextPageOf(headers),
      etag: headers.get("etag") ?? undefined,
    };
  }

  async #comments(path: string, page: number, signal?: AbortSignal): Promise<ForgePage<Comment>> {
    const call = { method: "GET", path: `${path}?per_page=${pageSize}&page=${page}`, signal } as const;
    const { body, headers } = await this.#send(call);
    return {
      items: (body as rows.GitHubCommentRow[]).map(rows.commentOf),
      nextPage: nextPageOf(headers),
    };
  }

  async #get<Row>(path: string, signal?: AbortSignal): Promise<Row> {
    return (await this.#send({ method: "GET", path, signal })).body as Row;
  }

  /** Sends with the current token, and once more with a new one when an installation's token was revoked. */
  async #send(call: Call) {
    try {
      return await this.#http.request({ ...call, token: await this.#tokens.current() });
    } catch (error) {
      if (!this.#tokens.isApp || !isErrorCode(error, "forge", "unauthorized")) throw error;
      this.#tokens.forget();
      return await this.#http.request({ ...call, token: await this.#tokens.current() });
    }
  }
}

function pathOf(fullName: string): string {
  return `/repos/${repositoryPath(fullName)}`;
}
