/** Client of Gitea and Forgejo (API v1) with an access token. */
import { HoldfastError } from "@holdfast/core";
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
import {
  ForgeHttp,
  type ForgeHttpOptions,
  type ForgeRequest,
  type ForgeResponse,
  nextPageOf,
} from "../http/forge-http.ts";
import { taggedPage } from "../http/item-tag.ts";
import { explainMergeRefusal } from "../http/merge-refusal.ts";
import { participantsOf } from "../http/participants.ts";
import { isFromBranch } from "../http/pull-request-branch.ts";
import { headOf } from "../http/pull-request-head.ts";
import { repositoryPath } from "../http/repository-path.ts";
import { requireIssue } from "../http/require-issue.ts";
import { mayPush } from "../writers.ts";
import { ensureLabels } from "./labels.ts";
import * as rows from "./rows.ts";

export interface GiteaOptions extends Pick<ForgeHttpOptions, "now" | "wait" | "timeoutMs"> {
  /** `https://HOST/api/v1`. */
  readonly apiUrl: string;
  /** Access token with the scopes write:repository, write:issue and read:user. */
  readonly token: string;
}

/** Default limit of Gitea's servers; more is cut to it without a word. */
const pageSize = 50;

/** "pull_request" brings comments and reviews too. Servers from before 1.23 ignore "status". */
const webhookEvents = ["push", "pull_request", "issues", "status"];

export class GiteaForge implements Forge {
  readonly kind = "gitea";
  readonly #http: ForgeHttp;
  readonly #token: string;

  constructor(options: GiteaOptions) {
    this.#http = new ForgeHttp({ ...options, headers: { accept: "application/json" } });
    this.#token = options.token;
  }

  async identify(signal?: AbortSignal): Promise<ForgeIdentity> {
    const { login } = await this.#get<{ login: string }>("/user", signal);
    return { kind: "user", login };
  }

  repositories(page = 1, signal?: AbortSignal): Promise<ForgePage<ForgeRepository>> {
    return this.#list("/user/repos?", page, rows.repositoryOf, signal);
  }

  async repository(fullName: string, signal?: AbortSignal): Promise<ForgeRepository> {
    return rows.repositoryOf(await this.#get<rows.GiteaRepositoryRow>(pathOf(fullName), signal));
  }

  async branches(
    fullName: string,
    { page = 1, etag }: PageRequest,
    signal?: AbortSignal,
  ): Promise<ConditionalPage<ForgeBranch>> {
    const found = await this.#list(`${pathOf(fullName)}/branches?`, page, rows.branchOf, signal);
    return taggedPage(found.items, found.nextPage, etag);
  }

  async pullRequests(
    fullName: string,
    { page = 1, etag }: PageRequest,
    signal?: AbortSignal,
  ): Promise<ConditionalPage<PullRequest>> {
    const path = `${pathOf(fullName)}/pulls?state=all&sort=oldest&`;
    // Whether it can be merged is computed later, and would change the tag of an unchanged page.
    const itemOf = (row: rows.GiteaPullRow) => ({ ...rows.pullRequestOf(row), isMergeable: undefined });
    const { items, nextPage } = await this.#list(path, page, itemOf, signal);
    return taggedPage(items, nextPage, etag);
  }

  async pullRequest(fullName: string, number: number, signal?: AbortSignal): Promise<PullRequest> {
    const path = `${pathOf(fullName)}/pulls/${number}`;
    return rows.pullRequestOf(await this.#get<rows.GiteaPullRow>(path, signal));
  }

  async pullRequestHead(fullName: string, number: number, signal?: AbortSignal): Promise<PullRequestHead> {
    const row = await this.#get<rows.GiteaPullRow>(`${pathOf(fullName)}/pulls/${number}`, signal);
    return headOf(fullName, number, row.head.label, row.head.repo, row.allow_maintainer_edit);
  }

  /** Gitea cannot filter by branch: the newest of the open ones come first. */
  async openPullRequestOf(
    fullName: string,
    headBranch: string,
    signal?: AbortSignal,
  ): Promise<PullRequest | undefined> {
    const path = `${pathOf(fullName)}/pulls?state=open&sort=recentupdate&`;
    for (let page: number | undefined = 1; page !== undefined; ) {
      const found: ForgePage<PullRequest> = await this.#list(path, page, rows.pullRequestOf, signal);
      const pull = found.items.find((each) => isFromBranch(each, fullName, headBranch));
      if (pull !== undefined) return pull;
      page = found.nextPage;
    }
    return undefined;
  }

  async createPullRequest(
    fullName: string,
    given: NewPullRequest,
    signal?: AbortSignal,
  ): Promise<PullRequest> {
    const { body, headBranch: head, baseBranch: base, isDraft = false } = given;
    const title = isDraft ? rows.draftTitle(given.title) : given.title;
    const path = `${pathOf(fullName)}/pulls`;
    const { body: row } = await this.#send("POST", path, { title, body, head, base }, signal);
    const created = rows.pullRequestOf(row as rows.GiteaPullRow);
    const change = participantsOf(given);
    if (Object.keys(change).length === 0) return created;
    return this.updatePullRequest(fullName, created.number, change, signal);
  }

  async updatePullRequest(
    fullName: string,
    number: number,
    { labels, reviewers, assignees = [], baseBranch, title, isDraft, ...fields }: PullRequestChange,
    signal?: AbortSignal,
  ): Promise<PullRequest> {
    const base = pathOf(fullName);
    if (labels !== undefined) {
      const ids = await ensureLabels(this.#request, base, labels, signal);
      await this.#send("PUT", `${base}/issues/${number}/labels`, { labels: ids }, signal);
    }
    if (reviewers !== undefined && reviewers.length > 0)
      await this.#send("POST", `${base}/pulls/${number}/requested_reviewers`, { reviewers }, signal);
    // A draft is a prefix of the title, which a new title has to keep; and assignees are replaced.
    const needsRow = title !== undefined || isDraft !== undefined || assignees.length > 0;
    const known = needsRow ? await this.pullRequest(fullName, number, signal) : undefined;
    const shown = title ?? known?.title ?? "";
    const body = {
      ...fields,
      ...(title === undefined && isDraft === undefined
        ? {}
        : { title: (isDraft ?? known?.isDraft) === true ? rows.draftTitle(shown) : shown }),
      ...(assignees.length === 0
        ? {}
        : { assignees: [...new Set([...(known?.assignees ?? []), ...assignees])] }),
      ...(baseBranch === undefined ? {} : { base: baseBranch }),
    };
    if (Object.keys(body).length === 0) return this.pullRequest(fullName, number, signal);
    const { body: row } = await this.#send("PATCH", `${base}/pulls/${number}`, body, signal);
    return rows.pullRequestOf(row as rows.GiteaPullRow);
  }

  async people(fullName: string, _page = 1, signal?: AbortSignal): Promise<ForgePage<string>> {
    type Row = { readonly login: string };
    const list = await this.#get<readonly Row[] | null>(`${pathOf(fullName)}/assignees`, signal);
    return { items: (list ?? []).map(({ login }) => login), nextPage: undefined };
  }

  labels(fullName: string, page = 1, signal?: AbortSignal): Promise<ForgePage<string>> {
    return this.#list(`${pathOf(fullName)}/labels?`, page, ({ name }: rows.GiteaLabelRow) => name, signal);
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
    const read = () => this.pullRequest(fullName, number, signal);
    try {
      await this.#send("POST", path, { Do: merge.method, head_commit_id: merge.expectedHead }, signal);
    } catch (error) {
      throw await explainMergeRefusal(error, merge, read);
    }
    const { mergeCommit, headCommit } = await read();
    return mergeCommit ?? headCommit;
  }

  checks(fullName: string, commit: string, page = 1, signal?: AbortSignal): Promise<ForgePage<Check>> {
    const path = `${pathOf(fullName)}/commits/${encodeURIComponent(commit)}/status?`;
    return this.#list(path, page, rows.checkOf, signal, (body) => {
      return (body as { statuses: rows.GiteaStatusRow[] | null }).statuses ?? [];
    });
  }

  async setStatus(fullName: string, commit: string, given: NewStatus, signal?: AbortSignal): Promise<void> {
    const { name: context, status, description = "", webUrl = "" } = given;
    const state = status === "running" ? "pending" : status;
    const path = `${pathOf(fullName)}/statuses/${encodeURIComponent(commit)}`;
    await this.#send("POST", path, { context, state, description, target_url: webUrl }, signal);
  }

  /** Gitea answers with all comments at once. */
  async comments(
    fullName: string,
    number: number,
    _page = 1,
    signal?: AbortSignal,
  ): Promise<ForgePage<Comment>> {
    const path = `${pathOf(fullName)}/issues/${number}/comments`;
    const list = await this.#get<rows.GiteaCommentRow[]>(path, signal);
    return { items: list.map(rows.commentOf), nextPage: undefined };
  }

  /** Comments on lines are parts of reviews, and are in no list of all comments. */
  async recentComments(
    fullName: string,
    since: number,
    page = 1,
    signal?: AbortSignal,
  ): Promise<ForgePage<ItemComment>> {
    const path = `${pathOf(fullName)}/issues/comments?since=${new Date(since).toISOString()}&`;
    const { items, nextPage } = await this.#list(path, page, rows.itemCommentOf, signal);
    return { items: items.flat(), nextPage };
  }

  /** A page is one of reviews, with all comments of each. */
  async reviewComments(
    fullName: string,
    number: number,
    page = 1,
    signal?: AbortSignal,
  ): Promise<ForgePage<Comment>> {
    const base = `${pathOf(fullName)}/pulls/${number}/reviews`;
    const reviews = await this.#list(`${base}?`, page, (row: rows.GiteaReviewRow) => row, signal);
    const items: Comment[] = [];
    for (const { id, comments_count } of reviews.items) {
      if (comments_count > 0) items.push(...(await this.#reviewComments(base, id, signal)));
    }
    return { items, nextPage: reviews.nextPage };
  }

  async addComment(fullName: string, number: number, body: string, signal?: AbortSignal): Promise<Comment> {
    const path = `${pathOf(fullName)}/issues/${number}/comments`;
    const { body: row } = await this.#send("POST", path, { body }, signal);
    return rows.commentOf(row as rows.GiteaCommentRow);
  }

  /** An issue and a pull request have their numbers and their comments together. */
  addIssueComment(fullName: string, number: number, body: string, signal?: AbortSignal): Promise<Comment> {
    return this.addComment(fullName, number, body, signal);
  }

  async addReviewComment(
    fullName: string,
    number: number,
    { body, path, line, commit }: NewReviewComment,
    signal?: AbortSignal,
  ): Promise<Comment> {
    const base = `${pathOf(fullName)}/pulls/${number}/reviews`;
    const comments = [{ path, body, new_position: line }];
    const review = { body: "", commit_id: commit, event: "COMMENT", comments };
    const { body: row } = await this.#send("POST", base, review, signal);
    const [comment] = await this.#reviewComments(base, (row as rows.GiteaReviewRow).id, signal);
    if (comment !== undefined) return comment;
    const message = `The forge kept the review without its comment on ${path}. Read the review, then comment again.`;
    throw new HoldfastError("forge", "invalid_response", message, { statusCode: 502 });
  }

  issues(fullName: string, page = 1, signal?: AbortSignal): Promise<ForgePage<Issue>> {
    return this.#list(`${pathOf(fullName)}/issues?type=issues&state=open&`, page, rows.issueOf, signal);
  }

  /** Gitea cannot narrow a token to one repository, nor limit its time. */
  async issue(fullName: string, number: number, signal?: AbortSignal): Promise<Issue> {
    const row = await this.#get<rows.GiteaIssueRow>(`${pathOf(fullName)}/issues/${number}`, signal);
    return rows.issueOf(requireIssue(row, number));
  }

  async gitCredential(fullName: string, signal?: AbortSignal): Promise<GitCredential> {
    const { cloneUrl } = await this.repository(fullName, signal);
    const password = this.#token;
    return {
      cloneUrl,
      username: "holdfast",
      password,
      expiresAt: undefined,
      isForRepositoryOnly: false,
    };
  }

  async ensureWebhook(fullName: string, { url, secret }: WebhookTarget, signal?: AbortSignal): Promise<void> {
    const path = `${pathOf(fullName)}/hooks`;
    type Hook = { readonly id: number; readonly config: { readonly url?: string } };
    const hooks = await this.#get<Hook[]>(`${path}?limit=${pageSize}`, signal);
    const known = hooks.find(({ config }) => config.url === url);
    const fields = {
      ...{ active: true, events: webhookEvents },
      config: { url, secret, content_type: "json" },
    };
    if (known === undefined) await this.#send("POST", path, { type: "gitea", ...fields }, signal);
    else await this.#send("PATCH", `${path}/${known.id}`, fields, signal);
  }

  async #reviewComments(base: string, id: number, signal?: AbortSignal): Promise<Comment[]> {
    return (await this.#get<rows.GiteaCommentRow[]>(`${base}/${id}/comments`, signal)).map(rows.commentOf);
  }

  /** `path` ends with "?" or "&". */
  async #list<Row, Item>(
    path: string,
    page: number,
    itemOf: (row: Row) => Item,
    signal?: AbortSignal,
    listOf: (body: unknown) => Row[] = (body) => (body as Row[] | null) ?? [],
  ): Promise<ForgePage<Item>> {
    const query = `page=${page}&limit=${pageSize}`;
    const { body, headers } = await this.#send("GET", `${path}${query}`, undefined, signal);
    const total = Number(headers.get("x-total-count") ?? 0);
    // Some lists have a count in place of links.
    const counted = total > page * pageSize ? page + 1 : undefined;
    return { items: listOf(body).map(itemOf), nextPage: nextPageOf(headers) ?? counted };
  }

  async #get<Row>(path: string, signal?: AbortSignal): Promise<Row> {
    return (await this.#send("GET", path, undefined, signal)).body as Row;
  }

  #send(method: ForgeRequest["method"], path: string, body?: unknown, signal?: AbortSignal) {
    return this.#request({ method, path, body, signal });
  }

  readonly #request = (call: Omit<ForgeRequest, "token">): Promise<ForgeResponse> =>
    this.#http.request({ ...call, token: this.#token });
}

function pathOf(fullName: string): string {
  return `/repos/${repositoryPath(fullName)}`;
}
