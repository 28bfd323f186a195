/** Client of GitLab (API v4) with the token of a person, a group or a project. */
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
import { taggedPage } from "../http/item-tag.ts";
import { explainMergeRefusal } from "../http/merge-refusal.ts";
import { isFromBranch } from "../http/pull-request-branch.ts";
import { forkIsGone } from "../http/pull-request-head.ts";
import { projectPath } from "../http/repository-path.ts";
import * as rows from "./rows.ts";

export interface GitLabOptions extends Pick<ForgeHttpOptions, "now" | "wait" | "timeoutMs"> {
  /** `https://HOST/api/v4`. */
  readonly apiUrl: string;
  /** Access token with the scope api. A project's token reaches that project only. */
  readonly token: string;
}

const pageSize = 100;

export class GitLabForge implements Forge {
  readonly kind = "gitlab";
  readonly #http: ForgeHttp;
  readonly #token: string;
  readonly #webUrl: string;

  constructor(options: GitLabOptions) {
    this.#http = new ForgeHttp({ ...options, headers: { accept: "application/json" } });
    this.#token = options.token;
    this.#webUrl = options.apiUrl.replace(/\/api\/v4$/, "");
  }

  async identify(signal?: AbortSignal): Promise<ForgeIdentity> {
    const { username } = await this.#get<{ username: string }>("/user", signal);
    return { kind: "user", login: username };
  }

  repositories(page = 1, signal?: AbortSignal): Promise<ForgePage<ForgeRepository>> {
    const path = "/projects?membership=true&order_by=id&sort=asc&";
    return this.#list(path, page, rows.repositoryOf, signal);
  }

  async repository(fullName: string, signal?: AbortSignal): Promise<ForgeRepository> {
    return rows.repositoryOf(await this.#get<rows.GitLabProjectRow>(pathOf(fullName), signal));
  }

  async branches(
    fullName: string,
    { page = 1, etag }: PageRequest,
    signal?: AbortSignal,
  ): Promise<ConditionalPage<ForgeBranch>> {
    const found = await this.#list(`${pathOf(fullName)}/repository/branches?`, page, rows.branchOf, signal);
    return taggedPage(found.items, found.nextPage, etag);
  }

  async pullRequests(
    fullName: string,
    { page = 1, etag }: PageRequest,
    signal?: AbortSignal,
  ): Promise<ConditionalPage<PullRequest>> {
    const path = `${pathOf(fullName)}/merge_requests?state=all&order_by=created_at&sort=asc&`;
    // Whether it can be merged is computed later, and would change the tag of an unchanged page.
    const itemOf = (row: rows.GitLabMergeRequestRow) => ({
      ...rows.pullRequestOf(row, fullName),
      isMergeable: undefined,
    });
    const { items, nextPage } = await this.#list(path, page, itemOf, signal);
    return taggedPage(items, nextPage, etag);
  }

  async pullRequest(fullName: string, number: number, signal?: AbortSignal): Promise<PullRequest> {
    return rows.pullRequestOf(await this.#mergeRequest(fullName, number, signal), fullName);
  }

  async pullRequestHead(fullName: string, number: number, signal?: AbortSignal): Promise<PullRequestHead> {
    const row = await this.#mergeRequest(fullName, number, signal);
    const { source_project_id: id, source_branch: branch, allow_collaboration } = row;
    if (id === null) throw forkIsGone(number);
    const isFork = id !== row.target_project_id;
    const project = rows.repositoryOf(await this.#get<rows.GitLabProjectRow>(`/projects/${id}`, signal));
    return {
      ...{ repository: project.fullName, isFork, cloneUrl: project.cloneUrl, branch },
      mayEdit: !isFork || allow_collaboration === true,
    };
  }

  async openPullRequestOf(
    fullName: string,
    headBranch: string,
    signal?: AbortSignal,
  ): Promise<PullRequest | undefined> {
    const query = new URLSearchParams({ state: "opened", source_branch: headBranch, per_page: "100" });
    const path = `${pathOf(fullName)}/merge_requests?${query}`;
    const list = await this.#get<rows.GitLabMergeRequestRow[]>(path, signal);
    return list
      .map((row) => rows.pullRequestOf(row, fullName))
      .find((pull) => isFromBranch(pull, fullName, headBranch));
  }

  async createPullRequest(
    fullName: string,
    given: NewPullRequest,
    signal?: AbortSignal,
  ): Promise<PullRequest> {
    const { body: description, labels, reviewers = [], assignees = [] } = given;
    const body = {
      title: given.isDraft === true ? rows.draftTitle(given.title) : given.title,
      ...{ description, source_branch: given.headBranch, target_branch: given.baseBranch },
      ...(labels === undefined ? {} : { labels: labels.join(",") }),
      ...(reviewers.length === 0 ? {} : { reviewer_ids: await this.#userIds(reviewers, signal) }),
      ...(assignees.length === 0 ? {} : { assignee_ids: await this.#userIds(assignees, signal) }),
    };
    const path = `${pathOf(fullName)}/merge_requests`;
    const { body: row } = await this.#send("POST", path, body, signal);
    return rows.pullRequestOf(row as rows.GitLabMergeRequestRow, fullName);
  }

  async updatePullRequest(
    fullName: string,
    number: number,
    change: PullRequestChange,
    signal?: AbortSignal,
  ): Promise<PullRequest> {
    const { title, body: description, state, baseBranch, labels, isDraft } = change;
    const { reviewers = [], assignees = [] } = change;
    // A draft is a prefix of the title, and people are replaced: all have to be known first.
    const isRetitled = title !== undefined || isDraft !== undefined;
    const needsRow = isRetitled || reviewers.length > 0 || assignees.length > 0;
    const known = needsRow ? await this.#mergeRequest(fullName, number, signal) : undefined;
    const shown = title ?? rows.shownTitle(known?.title ?? "");
    const withKnown = async (
      people: readonly rows.GitLabUserRow[] | null | undefined,
      added: readonly string[],
    ) => [...new Set([...(people ?? []).map(({ id }) => id), ...(await this.#userIds(added, signal))])];
    const body = {
      ...(isRetitled ? { title: (isDraft ?? known?.draft) === true ? rows.draftTitle(shown) : shown } : {}),
      ...(description === undefined ? {} : { description }),
      ...(state === undefined ? {} : { state_event: state === "open" ? "reopen" : "close" }),
      ...(baseBranch === undefined ? {} : { target_branch: baseBranch }),
      ...(labels === undefined ? {} : { labels: labels.join(",") }),
      ...(reviewers.length === 0 ? {} : { reviewer_ids: await withKnown(known?.reviewers, reviewers) }),
      ...(assignees.length === 0 ? {} : { assignee_ids: await withKnown(known?.assignees, assignees) }),
    };
    const path = `${pathOf(fullName)}/merge_requests/${number}`;
    const { body: row } = await this.#send("PUT", path, body, signal);
    return rows.pullRequestOf(row as rows.GitLabMergeRequestRow, fullName);
  }

  people(fullName: string, page = 1, signal?: AbortSignal): Promise<ForgePage<string>> {
    const path = `${pathOf(fullName)}/members/all?`;
    return this.#list(path, page, ({ username }: rows.GitLabUserRow) => username, signal);
  }

  labels(fullName: string, page = 1, signal?: AbortSignal): Promise<ForgePage<string>> {
    const path = `${pathOf(fullName)}/labels?`;
    return this.#list(path, page, ({ name }: { readonly name: string }) => name, signal);
  }

  async mayWrite(fullName: string, login: string, signal?: AbortSignal): Promise<boolean> {
    const path = `${pathOf(fullName)}/members/all?query=${encodeURIComponent(login)}&per_page=${pageSize}`;
    type Member = rows.GitLabUserRow & { readonly access_level: number };
    const found = await this.#get<readonly Member[]>(path, signal);
    // 30 is the role Developer.
    return found.some(({ username, access_level: level }) => username === login && level >= 30);
  }

  async mergePullRequest(
    fullName: string,
    number: number,
    merge: MergeRequest,
    signal?: AbortSignal,
  ): Promise<string> {
    const path = `${pathOf(fullName)}/merge_requests/${number}/merge`;
    const input = { sha: merge.expectedHead, squash: merge.method === "squash" };
    try {
      const { body } = await this.#send("PUT", path, input, signal);
      const { mergeCommit, headCommit } = rows.pullRequestOf(body as rows.GitLabMergeRequestRow, fullName);
      // A fast-forward has no commit of its own.
      return mergeCommit ?? headCommit;
    } catch (error) {
      if (isErrorCode(error, "forge", "unauthorized")) throw await this.#mayNotMerge(number, signal);
      throw await explainMergeRefusal(error, merge, () => this.pullRequest(fullName, number, signal));
    }
  }

  checks(fullName: string, commit: string, page = 1, signal?: AbortSignal): Promise<ForgePage<Check>> {
    const path = `${pathOf(fullName)}/repository/commits/${encodeURIComponent(commit)}/statuses?`;
    return this.#list(path, page, rows.checkOf, signal);
  }

  async setStatus(fullName: string, commit: string, given: NewStatus, signal?: AbortSignal): Promise<void> {
    const { name, status, description = "", webUrl } = given;
    const state = status === "failure" ? "failed" : status;
    const path = `${pathOf(fullName)}/statuses/${encodeURIComponent(commit)}`;
    const target = webUrl === undefined ? {} : { target_url: webUrl };
    try {
      await this.#send("POST", path, { name, state, description, ...target }, signal);
    } catch (error) {
      // GitLab refuses the state that is there already.
      if (!(error instanceof HoldfastError) || !error.message.includes(`from :${state}`)) throw error;
    }
  }

  async comments(
    fullName: string,
    number: number,
    page = 1,
    signal?: AbortSignal,
  ): Promise<ForgePage<Comment>> {
    const { items, nextPage } = await this.#notes(fullName, number, page, signal);
    return { items: items.filter(({ path }) => path === undefined), nextPage };
  }

  async reviewComments(
    fullName: string,
    number: number,
    page = 1,
    signal?: AbortSignal,
  ): Promise<ForgePage<Comment>> {
    const { items, nextPage } = await this.#notes(fullName, number, page, signal);
    return { items: items.filter(({ path }) => path !== undefined), nextPage };
  }

  /** From the events of the project, which GitLab lists by their days: the newest first, so that a page more is not needed. */
  async recentComments(
    fullName: string,
    since: number,
    page = 1,
    signal?: AbortSignal,
  ): Promise<ForgePage<ItemComment>> {
    // Events after this day, without it.
    const day = new Date(since - 24 * 60 * 60 * 1000).toISOString().slice(0, 10);
    type Event = { readonly note?: rows.GitLabNoteRow };
    const itemOf = ({ note }: Event): readonly ItemComment[] => {
      const { noteable_iid: number, noteable_type: about } = note ?? {};
      if (note === undefined || typeof number !== "number" || note.system) return [];
      if (about !== "MergeRequest" && about !== "Issue") return [];
      const isOnPullRequest = about === "MergeRequest";
      const kind = isOnPullRequest ? "merge_requests" : "issues";
      const comment = rows.commentOf(note, `${this.#webUrl}/${fullName}/-/${kind}/${number}`);
      const isOld = Math.max(comment.createdAt, comment.editedAt ?? 0) < since;
      return isOld ? [] : [{ number, isOnPullRequest, comment }];
    };
    const path = `${pathOf(fullName)}/events?action=commented&after=${day}&sort=desc&`;
    const { items, nextPage } = await this.#list(path, page, itemOf, signal);
    return { items: items.flat(), nextPage };
  }

  async addComment(fullName: string, number: number, body: string, signal?: AbortSignal): Promise<Comment> {
    const path = `${pathOf(fullName)}/merge_requests/${number}/notes`;
    const { body: row } = await this.#send("POST", path, { body }, signal);
    return rows.commentOf(row as rows.GitLabNoteRow, this.#pullUrl(fullName, number));
  }

  async addIssueComment(
    fullName: string,
    number: number,
    body: string,
    signal?: AbortSignal,
  ): Promise<Comment> {
    const { body: row } = await this.#send(
      "POST",
      `${pathOf(fullName)}/issues/${number}/notes`,
      { body },
      signal,
    );
    return rows.commentOf(row as rows.GitLabNoteRow, `${this.#webUrl}/${fullName}/-/issues/${number}`);
  }

  async addReviewComment(
    fullName: string,
    number: number,
    { body, path, line, commit }: NewReviewComment,
    signal?: AbortSignal,
  ): Promise<Comment> {
    const base = `${pathOf(fullName)}/merge_requests/${number}`;
    type Version = Readonly<Record<"head_commit_sha" | "base_commit_sha" | "start_commit_sha", string>>;
    const versions = await this.#get<readonly Version[]>(`${base}/versions`, signal);
    const version = versions.find(({ head_commit_sha }) => head_commit_sha === commit);
    if (version === undefined) {
      const message = `${commit} is no version of !${number}. Reload the changes, then comment again.`;
      throw new HoldfastError("forge", "refused", message, { statusCode: 409 });
    }
    const position = {
      ...{ position_type: "text", new_path: path, old_path: path, new_line: line },
      ...{ head_sha: commit, base_sha: version.base_commit_sha, start_sha: version.start_commit_sha },
    };
    const { body: row } = await this.#send("POST", `${base}/discussions`, { body, position }, signal);
    const [note] = (row as { readonly notes: readonly rows.GitLabNoteRow[] }).notes;
    if (note !== undefined) return rows.commentOf(note, this.#pullUrl(fullName, number));
    const message = `The forge kept the discussion without its comment on ${path}. Reload it, then comment again.`;
    throw new HoldfastError("forge", "invalid_response", message, { statusCode: 502 });
  }

  issues(fullName: string, page = 1, signal?: AbortSignal): Promise<ForgePage<Issue>> {
    const path = `${pathOf(fullName)}/issues?state=opened&order_by=created_at&sort=asc&`;
    return this.#list(path, page, rows.issueOf, signal);
  }

  async issue(fullName: string, number: number, signal?: AbortSignal): Promise<Issue> {
    return rows.issueOf(await this.#get<rows.GitLabIssueRow>(`${pathOf(fullName)}/issues/${number}`, signal));
  }

  async reviewed(fullName: string, number: number, signal?: AbortSignal): Promise<readonly string[]> {
    const path = `${pathOf(fullName)}/merge_requests/${number}/reviewers`;
    const list = await this.#get<readonly rows.GitLabReviewerRow[]>(path, signal);
    return list.filter((each) => !rows.isWaiting(each)).map(({ user }) => user.username);
  }

  /** A project's token is for its repository only, and ends at midnight (UTC) of its last day. */
  async gitCredential(fullName: string, signal?: AbortSignal): Promise<GitCredential> {
    const { cloneUrl } = await this.repository(fullName, signal);
    const { login } = await this.identify(signal);
    type Token = { readonly expires_at: string | null };
    const { expires_at } = await this.#get<Token>("/personal_access_tokens/self", signal);
    return {
      ...{ cloneUrl, username: login, password: this.#token },
      expiresAt: expires_at === null ? undefined : Date.parse(expires_at),
      isForRepositoryOnly: /^project_\d+_bot/.test(login),
    };
  }

  /** A secret that begins with `whsec_` signs; servers that cannot sign are `forge.refused` with the reason "unsigned". */
  async ensureWebhook(fullName: string, { url, secret }: WebhookTarget, signal?: AbortSignal): Promise<void> {
    const path = `${pathOf(fullName)}/hooks`;
    type Hook = { readonly id: number; readonly url: string; readonly signing_token_present?: boolean };
    const hooks = await this.#get<Hook[]>(`${path}?per_page=${pageSize}`, signal);
    const known = hooks.find((hook) => hook.url === url);
    const isSigning = secret.startsWith("whsec_");
    const fields = {
      ...{
        url,
        token: secret,
        push_events: true,
        merge_requests_events: true,
        note_events: true,
        pipeline_events: true,
        job_events: true,
        issues_events: true,
        enable_ssl_verification: true,
      },
      ...(isSigning ? { signing_token: secret } : {}),
    };
    const { body } =
      known === undefined
        ? await this.#send("POST", path, fields, signal)
        : await this.#send("PUT", `${path}/${known.id}`, fields, signal);
    // Older servers ignore what they do not know.
    if (!isSigning || (body as Hook).signing_token_present === true) return;
    const message = "This GitLab does not sign webhooks. Use a secret that does not begin with whsec_.";
    throw new HoldfastError("forge", "refused", message, {
      statusCode: 409,
      metadata: { reason: "unsigned" },
    });
  }

  #mergeRequest(fullName: string, number: number, signal?: AbortSignal) {
    const path = `${pathOf(fullName)}/merge_requests/${number}`;
    return this.#get<rows.GitLabMergeRequestRow>(path, signal);
  }

  /** GitLab answers 401 to those who may not merge. Throws `forge.unauthorized` when the token is the reason. */
  async #mayNotMerge(number: number, signal?: AbortSignal): Promise<HoldfastError> {
    const { login } = await this.identify(signal);
    const message = `${login} may not merge !${number}. Give it a role that may merge into the branch.`;
    return new HoldfastError("forge", "forbidden", message, { statusCode: 403 });
  }

  async #userIds(usernames: readonly string[], signal?: AbortSignal): Promise<readonly number[]> {
    const ids: number[] = [];
    for (const username of usernames) {
      const path = `/users?username=${encodeURIComponent(username)}`;
      const [user] = await this.#get<readonly { readonly id: number }[]>(path, signal);
      if (user === undefined) {
        const message = `There is no user ${username} at the forge. Ask somebody else to review.`;
        throw new HoldfastError("forge", "refused", message, { statusCode: 409 });
      }
      ids.push(user.id);
    }
    return ids;
  }

  async #notes(fullName: string, number: number, page: number, signal?: AbortSignal) {
    const path = `${pathOf(fullName)}/merge_requests/${number}/notes?order_by=created_at&sort=asc&`;
    const found = await this.#list(path, page, (row: rows.GitLabNoteRow) => row, signal);
    const url = this.#pullUrl(fullName, number);
    const written = found.items.filter(({ system }) => !system);
    return { items: written.map((row) => rows.commentOf(row, url)), nextPage: found.nextPage };
  }

  #pullUrl(fullName: string, number: number): string {
    return `${this.#webUrl}/${fullName}/-/merge_requests/${number}`;
  }

  /** `path` ends with "?" or "&". */
  async #list<Row, Item>(
    path: string,
    page: number,
    itemOf: (row: Row) => Item,
    signal?: AbortSignal,
  ): Promise<ForgePage<Item>> {
    const query = `page=${page}&per_page=${pageSize}`;
    const { body, headers } = await this.#send("GET", `${path}${query}`, undefined, signal);
    return { items: (body as Row[]).map((row) => itemOf(row)), nextPage: nextPageOf(headers) };
  }

  async #get<Row>(path: string, signal?: AbortSignal): Promise<Row> {
    return (await this.#send("GET", path, undefined, signal)).body as Row;
  }

  #send(method: ForgeRequest["method"], path: string, body?: unknown, signal?: AbortSignal) {
    return this.#http.request({ method, path, body, signal, token: this.#token });
  }
}

function pathOf(fullName: string): string {
  return `/projects/${projectPath(fullName)}`;
}
